"""The asynchronous reader, against real InfluxDBs and such as fail."""

import asyncio
import socket
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.support.influxd import Influxd
from tests.support.ports import NOBODY
from tests.support.proxy import Fault, Proxy
from tests.support.waiting import wait_for
from tstats.core.secret import Secret
from tstats.errors import ConfigError, RefusedError, ServerError, SlowError, UnreachableError
from tstats.influx.async_reader import InfluxReader, Outcome
from tstats.influx.client import Endpoint, Influx
from tstats.influx.line_protocol import point

Found = TypeVar("Found")
SELECT = "SELECT value FROM one.autogen.m"
NAMES = ["plain", "a' OR 1=1; DROP DATABASE one --", 'q"\\q', "50% & more+;=", "é 日"]


@pytest.fixture
def written(influx: Influx) -> Influx:
    """An InfluxDB with a database of one point."""
    influx.query("CREATE DATABASE one")
    influx.write(b"m value=5 1000000000", database="one")
    return influx


def reader(*urls: str, seconds: float = 30, **options: Any) -> InfluxReader:  # noqa: ANN401 (the reader's)
    return InfluxReader([Endpoint.parse(url) for url in urls], seconds=seconds, **options)


def done(work: Coroutine[Any, Any, Found], *readers: InfluxReader) -> Found:
    """What the work gives, in a loop of its own, at whose end the readers are closed."""

    async def whole() -> Found:
        try:
            return await work
        finally:
            for each in readers:
                await each.aclose()

    return asyncio.run(whole())


def values(one: InfluxReader, statement: str = SELECT, **options: Any) -> list[list[Any]]:  # noqa: ANN401 (the same)
    found = done(one.results(statement, **options), one)
    return [row for answer in found for series in answer for row in series.values]


def test_times_come_in_the_form_that_is_wanted(written: Influx) -> None:
    assert values(reader(written.url)) == [[1_000_000_000, 5]]
    assert values(reader(written.url), nanoseconds=False) == [["1970-01-01T00:00:01Z", 5]]


def test_several_statements_are_answered_each_by_itself(written: Influx) -> None:
    one = reader(written.url)
    found = done(one.results(f"{SELECT}; {SELECT} WHERE value > 5; SHOW DATABASES"), one)
    assert [len(series) for series in found] == [1, 0, 1]


def test_what_a_caller_names_is_text_and_nothing_else(written: Influx) -> None:
    for number, name in enumerate(NAMES):
        line = point("m", tags={"name": name}, fields={"value": float(number)}, time=1)
        written.write(line.encode(), database="one")
    statement = 'SELECT value FROM one.autogen.m WHERE "name" = $name'
    for number, name in enumerate(NAMES):
        assert values(reader(written.url), statement, bind={"name": name}) == [[1, number]]
    for name in ("' OR 1=1 --", "a\nb", "$name", ""):
        assert [1, 0] not in values(reader(written.url), statement, bind={"name": name})
    assert values(reader(written.url))


def test_one_that_is_down_is_passed_over_and_asked_last_from_then_on(written: Influx) -> None:
    tries: list[tuple[str, Outcome]] = []
    one = reader(NOBODY, written.url, observer=lambda url, outcome, _: tries.append((url, outcome)))

    async def twice() -> None:
        for _ in range(2):
            await one.results(SELECT)

    done(twice(), one)
    assert tries == [(NOBODY, "failed"), (written.url, "answered"), (written.url, "answered")]


def test_so_is_one_that_lacks_the_data_or_fails(written: Influx, other_influx: Influx) -> None:
    assert values(reader(other_influx.url, written.url)) == [[1_000_000_000, 5]]
    faults: list[Fault] = ["unavailable", "reset", "cut"]
    with Proxy(written.url, lambda _path, _body: faults[0]) as proxy:
        while faults:
            assert values(reader(proxy.url, written.url)) == [[1_000_000_000, 5]]
            del faults[0]


def test_when_none_answers_the_first_one_s_fault_is_told(written: Influx) -> None:
    with pytest.raises(RefusedError, match="nosuch"):
        values(reader(written.url, NOBODY), "SELECT value FROM nosuch.autogen.m")
    with pytest.raises(UnreachableError, match="cannot be reached"):
        values(reader(NOBODY, NOBODY))
    with pytest.raises(RefusedError, match="error parsing query"):
        values(reader(written.url), "SELECT")


def test_without_any_server_there_is_no_reader() -> None:
    with pytest.raises(ConfigError, match="influxUrls"):
        reader()


@pytest.fixture
def hanging() -> Iterator[str]:
    """The URL of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_read_has_a_time_and_who_hangs_is_asked_last_from_then_on(hanging: str, written: Influx) -> None:
    one = reader(hanging, written.url, seconds=0.3)

    async def twice() -> list[list[Any]]:
        with pytest.raises(SlowError, match=r"did not answer within 0\.3 s"):
            await one.results(SELECT)
        return [series.values for [series] in await one.results(SELECT)]

    assert done(twice(), one) == [[[1_000_000_000, 5]]]


def test_waiting_for_a_connection_counts_too(hanging: str) -> None:
    one = reader(hanging, seconds=0.3, connections=1)

    async def many() -> list[BaseException | list[Any]]:
        return await asyncio.gather(*(one.results(SELECT) for _ in range(5)), return_exceptions=True)

    assert {type(found) for found in done(many(), one)} == {SlowError}


@pytest.mark.parametrize(
    "answer", [b"no HTTP at all\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{["]
)
def test_what_is_no_answer_of_influxdb_is_an_error(answer: bytes) -> None:
    async def asked() -> None:
        async def serve(incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter) -> None:
            await incoming.readuntil(b"\r\n\r\n")
            outgoing.write(answer)
            await outgoing.drain()
            outgoing.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            one = reader(url)
            with pytest.raises(ServerError, match="what is no"):
                await one.results(SELECT)
            await one.aclose()

    asyncio.run(asked())


def test_a_server_that_began_anew_is_asked_over_a_new_connection(tmp_path: Path) -> None:
    with Influxd(tmp_path / "influxd") as server:
        one = reader(server.url)

        async def around_a_restart() -> int:
            before = await one.query("SHOW DATABASES")
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            return len(before) + len(await one.query("SHOW DATABASES"))

        assert done(around_a_restart(), one) == 2


def test_many_reads_share_a_few_connections(written: Influx) -> None:
    one = reader(written.url, connections=3)

    async def many() -> int:
        found = await asyncio.gather(*(one.query(SELECT) for _ in range(60)))
        return sum(series.values[0][1] for [series] in found)

    assert done(many(), one) == 300


def test_a_read_that_is_cancelled_ends_its_query(written: Influx) -> None:
    one = reader(written.url)
    # Some 10^9 buckets: without the end of its connection, the server would work for many minutes.
    endless = f"SELECT mean(value) FROM one.autogen.m WHERE time > 0 AND time < {10**18} GROUP BY time(1s)"

    def running() -> list[str]:
        [queries] = written.query("SHOW QUERIES")
        return [row["query"] for row in queries.rows() if "mean" in row["query"]]

    async def cancelled() -> None:
        reading = asyncio.ensure_future(one.results(endless))
        await asyncio.to_thread(wait_for, running, "the query to run")
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    done(cancelled(), one)
    wait_for(lambda: not running(), "the query to end", seconds=30)


def test_a_password_is_sent_and_never_shown(tmp_path: Path) -> None:
    settings = {"INFLUXDB_HTTP_AUTH_ENABLED": "true"}
    with Influxd(tmp_path / "influxd", settings=settings) as server:
        admin = Endpoint(url=server.url, user="chief", password=Secret("sécret"))
        plain = Influx(admin)
        plain.query("CREATE USER chief WITH PASSWORD 'sécret' WITH ALL PRIVILEGES")
        plain.close()
        good = InfluxReader([admin], seconds=30)
        assert len(done(good.query("SHOW DATABASES"), good)) == 1
        bad = InfluxReader([Endpoint(url=server.url, user="chief", password=Secret("wrong1"))], seconds=30)
        with pytest.raises(RefusedError, match="401") as caught:
            done(bad.query("SHOW DATABASES"), bad)
        assert "wrong1" not in str(caught.value)
