"""The asynchronous reader, with real and with failing InfluxDBs."""

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
from tstats.influx.async_reader import InfluxReader, ReadOutcome
from tstats.influx.client import Endpoint, Influx
from tstats.influx.line_protocol import point

Found = TypeVar("Found")
SELECT = "SELECT value FROM one.autogen.m"
NAMES = ["plain", "a' OR 1=1; DROP DATABASE one --", 'q"\\q', "50% & more+;=", "é 日"]


@pytest.fixture
def written(influx: Influx) -> Influx:
    """An InfluxDB with a database that holds one point."""
    influx.query("CREATE DATABASE one")
    influx.write(b"m value=5 1000000000", database="one")
    return influx


def reader(*urls: str, seconds: float = 30, **options: Any) -> InfluxReader:  # noqa: ANN401 (the reader's arguments)
    return InfluxReader([Endpoint.parse(url) for url in urls], seconds=seconds, **options)


def run(work: Coroutine[Any, Any, Found], influx: InfluxReader) -> Found:
    """Run a coroutine in an event loop of its own, and close the reader."""

    async def run_and_close() -> Found:
        try:
            return await work
        finally:
            await influx.aclose()

    return asyncio.run(run_and_close())


def values(influx: InfluxReader, statement: str = SELECT, **options: Any) -> list[list[Any]]:  # noqa: ANN401 (the same)
    results = run(influx.results(statement, **options), influx)
    return [row for result in results for series in result for row in series.values]


def test_times_have_the_requested_form(written: Influx) -> None:
    assert values(reader(written.url)) == [[1_000_000_000, 5]]
    assert values(reader(written.url), nanoseconds=False) == [["1970-01-01T00:00:01Z", 5]]


def test_every_statement_has_its_own_result(written: Influx) -> None:
    influx_reader = reader(written.url)
    found = run(influx_reader.results(f"{SELECT}; {SELECT} WHERE value > 5; SHOW DATABASES"), influx_reader)
    assert [len(series) for series in found] == [1, 0, 1]


def test_bound_names_cannot_inject_statements(written: Influx) -> None:
    for number, name in enumerate(NAMES):
        line = point("m", tags={"name": name}, fields={"value": float(number)}, time=1)
        written.write(line.encode(), database="one")
    statement = 'SELECT value FROM one.autogen.m WHERE "name" = $name'
    for number, name in enumerate(NAMES):
        assert values(reader(written.url), statement, bind={"name": name}) == [[1, number]]
    for name in ("' OR 1=1 --", "a\nb", "$name", ""):
        assert [1, 0] not in values(reader(written.url), statement, bind={"name": name})
    assert values(reader(written.url))


def test_a_server_that_is_down_is_skipped_and_asked_last_from_then_on(written: Influx) -> None:
    tries: list[tuple[str, ReadOutcome]] = []
    influx_reader = reader(NOBODY, written.url, observer=lambda url, outcome, _: tries.append((url, outcome)))

    async def twice() -> None:
        for _ in range(2):
            await influx_reader.results(SELECT)

    run(twice(), influx_reader)
    assert tries == [(NOBODY, "failed"), (written.url, "answered"), (written.url, "answered")]


def test_a_server_without_the_data_or_that_fails_is_skipped(written: Influx, other_influx: Influx) -> None:
    assert values(reader(other_influx.url, written.url)) == [[1_000_000_000, 5]]
    faults: list[Fault] = ["unavailable", "reset", "cut"]
    with Proxy(written.url, lambda _path, _body: faults[0]) as proxy:
        while faults:
            assert values(reader(proxy.url, written.url)) == [[1_000_000_000, 5]]
            del faults[0]


def test_if_no_server_answers_the_first_error_is_raised(written: Influx) -> None:
    with pytest.raises(RefusedError, match="nosuch"):
        values(reader(written.url, NOBODY), "SELECT value FROM nosuch.autogen.m")
    with pytest.raises(UnreachableError, match="cannot be reached"):
        values(reader(NOBODY, NOBODY))
    with pytest.raises(RefusedError, match="error parsing query"):
        values(reader(written.url), "SELECT")


def test_a_reader_needs_a_server() -> None:
    with pytest.raises(ConfigError, match="influxUrls"):
        reader()


@pytest.fixture
def hanging() -> Iterator[str]:
    """The URL of a server that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_read_times_out_and_a_hanging_server_is_asked_last_from_then_on(
    hanging: str, written: Influx
) -> None:
    influx_reader = reader(hanging, written.url, seconds=0.3)

    async def twice() -> list[list[Any]]:
        with pytest.raises(SlowError, match=r"did not answer within 0\.3 s"):
            await influx_reader.results(SELECT)
        return [series.values for [series] in await influx_reader.results(SELECT)]

    assert run(twice(), influx_reader) == [[[1_000_000_000, 5]]]


def test_waiting_for_a_connection_counts_towards_the_timeout(hanging: str) -> None:
    influx_reader = reader(hanging, seconds=0.3, connections=1)

    async def many() -> list[BaseException | list[Any]]:
        return await asyncio.gather(
            *(influx_reader.results(SELECT) for _ in range(5)), return_exceptions=True
        )

    assert {type(found) for found in run(many(), influx_reader)} == {SlowError}


@pytest.mark.parametrize(
    "answer", [b"not HTTP at all\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{["]
)
def test_an_invalid_response_is_an_error(answer: bytes) -> None:
    async def ask() -> None:
        async def serve(incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter) -> None:
            await incoming.readuntil(b"\r\n\r\n")
            outgoing.write(answer)
            await outgoing.drain()
            outgoing.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            influx_reader = reader(url)
            with pytest.raises(ServerError, match="returned an invalid"):
                await influx_reader.results(SELECT)
            await influx_reader.aclose()

    asyncio.run(ask())


def test_a_restarted_server_gets_a_new_connection(tmp_path: Path) -> None:
    with Influxd(tmp_path / "influxd") as server:
        influx_reader = reader(server.url)

        async def around_a_restart() -> int:
            before = await influx_reader.query("SHOW DATABASES")
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            return len(before) + len(await influx_reader.query("SHOW DATABASES"))

        assert run(around_a_restart(), influx_reader) == 2


def test_many_reads_share_a_few_connections(written: Influx) -> None:
    influx_reader = reader(written.url, connections=3)

    async def many() -> int:
        found = await asyncio.gather(*(influx_reader.query(SELECT) for _ in range(60)))
        return sum(series.values[0][1] for [series] in found)

    assert run(many(), influx_reader) == 300


def test_cancelling_a_read_ends_its_query(written: Influx) -> None:
    influx_reader = reader(written.url)
    # Some 10^9 buckets: unless its connection is closed, the server would work for many minutes.
    endless = f"SELECT mean(value) FROM one.autogen.m WHERE time > 0 AND time < {10**18} GROUP BY time(1s)"

    def running() -> list[str]:
        [queries] = written.query("SHOW QUERIES")
        return [row["query"] for row in queries.rows() if "mean" in row["query"]]

    async def cancel() -> None:
        reading = asyncio.ensure_future(influx_reader.results(endless))
        await asyncio.to_thread(wait_for, running, "the query to run")
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    run(cancel(), influx_reader)
    wait_for(lambda: not running(), "the query to end", seconds=30)


def test_a_password_is_sent_and_never_shown(tmp_path: Path) -> None:
    settings = {"INFLUXDB_HTTP_AUTH_ENABLED": "true"}
    with Influxd(tmp_path / "influxd", settings=settings) as server:
        admin = Endpoint(url=server.url, user="chief", password=Secret("sécret"))
        plain = Influx(admin)
        plain.query("CREATE USER chief WITH PASSWORD 'sécret' WITH ALL PRIVILEGES")
        plain.close()
        good = InfluxReader([admin], seconds=30)
        assert len(run(good.query("SHOW DATABASES"), good)) == 1
        bad = InfluxReader([Endpoint(url=server.url, user="chief", password=Secret("wrong1"))], seconds=30)
        with pytest.raises(RefusedError, match="401") as caught:
            run(bad.query("SHOW DATABASES"), bad)
        assert "wrong1" not in str(caught.value)
