"""Access without Traffic Ops: tokens of our own or everybody on loopback, and what InfluxDB has points of."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.clock import Clock
from tests.support.influxd import Influxd
from tstats.api.access import authority
from tstats.api.access.access import Access, Denied
from tstats.api.access.stand_alone import StandAloneAccess, by_token
from tstats.api.access.tagged import TaggedNames
from tstats.api.access.token_file import FollowedTokens, TokenFile
from tstats.catalog import DATABASES
from tstats.config.settings import Settings
from tstats.core.time import INFINITE
from tstats.errors import ConfigError, ServerError, TokenError
from tstats.influx.async_reader import InfluxReader
from tstats.influx.client import Endpoint, Influx
from tstats.influx.influxql import create_database, create_retention_policy

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
POINTS = {
    "cache_stats": "bandwidth.cdn.1min,cdn=cdn-b value=1 1\nmaxkbps.cdn.1min,cdn=cdn-a value=1 1\n"
    "bandwidth.1min,cdn=not-rolled-up value=1 1",
    "deliveryservice_stats": "kbps.ds.1min,cachegroup=total,cdn=cdn-b,deliveryservice=sports value=1 1\n"
    "tps_5xx.ds.1min,cachegroup=total,cdn=cdn-b,deliveryservice=12 value=1 1\n"
    "kbps.cg.1min,cachegroup=g,cdn=cdn-b,deliveryservice=other value=1 1",
}


@pytest.fixture
def filled(influx: Influx) -> Influx:
    for database, lines in POINTS.items():
        influx.query(create_database(database))
        for policy in next(each for each in DATABASES if each.name == database).policies:
            influx.query(create_retention_policy(database, policy.name, keep=INFINITE, replication=1))
        influx.write(lines.encode(), database=database, policy="monthly")
    return influx


@pytest.fixture
async def reader(influxd: Influxd) -> AsyncIterator[InfluxReader]:
    made = InfluxReader([Endpoint(url=influxd.url)], seconds=20)
    yield made
    await made.aclose()


@pytest.fixture
async def tokens(tmp_path: Path) -> TokenFile:
    return TokenFile(tmp_path / "tokens.json", now=lambda: NOW)


def access_by_token(tokens: TokenFile, reader: InfluxReader) -> Access:
    identify = by_token(FollowedTokens(tokens), now=lambda: NOW)
    return StandAloneAccess(identify, TaggedNames(reader))


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def status(access: Access, headers: dict[str, str]) -> int:
    with pytest.raises(Denied) as denied:
        await access.caller(headers)
    assert "tst_x" not in denied.value.text
    return denied.value.status


# --- tokens


async def test_a_token_reads_and_only_one_made_for_it_writes(tokens: TokenFile, reader: InfluxReader) -> None:
    read = tokens.create("reader", write=False, expires=NOW + timedelta(seconds=1)).reveal()
    write = tokens.create("writer", write=True, expires=None).reveal()
    access = access_by_token(tokens, reader)
    callers = [await access.caller(bearer(token)) for token in (read, write)]
    assert [(caller.name, caller.may_write) for caller in callers] == [("reader", False), ("writer", True)]
    assert read not in repr(callers[0])


async def test_what_is_no_good_token_is_refused(tokens: TokenFile, reader: InfluxReader) -> None:
    access = access_by_token(tokens, reader)
    good = tokens.create("good", write=False, expires=None).reveal()
    expired = tokens.create("expired", write=False, expires=NOW).reveal()
    revoked = tokens.create("revoked", write=False, expires=None).reveal()
    assert (await access.caller(bearer(revoked))).name == "revoked"
    tokens.revoke("revoked")

    refused = [
        {},
        bearer("tst_x"),
        bearer(good[:-1]),
        bearer(good.upper()),
        bearer(expired),
        bearer(revoked),
        {"authorization": f"Basic {good}"},
        {"cookie": f"access_token={good}"},  # a page of another site could send that
        {"cookie": "mojolicious=abc"},
    ]
    assert [await status(access, headers) for headers in refused] == [401] * len(refused)
    assert (await access.caller(bearer(good))).name == "good"


async def test_a_file_that_breaks_lets_nobody_in_until_it_is_whole(
    tokens: TokenFile, reader: InfluxReader
) -> None:
    access = access_by_token(tokens, reader)
    good = tokens.create("good", write=False, expires=None).reveal()
    content = tokens.path.read_bytes()
    tokens.path.write_bytes(content[:-9])
    assert await status(access, bearer(good)) == 503
    tokens.path.write_bytes(content)
    assert (await access.caller(bearer(good))).name == "good"


async def test_an_api_does_not_start_with_a_file_that_it_cannot_use(
    tokens: TokenFile, reader: InfluxReader
) -> None:
    tokens.path.write_text("{}")
    with pytest.raises(TokenError, match="is no file of tokens"):
        authority.make(Settings(api_auth="tokens", api_tokens_file=str(tokens.path)), reader)


# --- everybody on this machine


async def test_without_authentication_this_machine_is_served_and_only_it(reader: InfluxReader) -> None:
    access = authority.make(Settings(api_auth="none"), reader)
    for headers in ({}, {"host": "localhost:8080"}, {"host": "[::1]:8080"}):
        caller = await access.caller(headers)
        assert (caller.name, caller.may_write) == ("anonymous", True)
    assert await status(access, {"host": "rebound.example:8080"}) == 403
    page = {"host": "localhost:8080", "origin": "https://evil.example"}
    assert not (await access.caller(page)).may_write


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "stats.example.com", ""])  # noqa: S104 (refused)
def test_without_authentication_it_listens_nowhere_else(host: str) -> None:
    with pytest.raises(ConfigError, match="apiAuth: 'none' lets everybody in"):
        authority.check_bind(Settings(api_auth="none"), host)
    authority.check_bind(Settings(api_auth="tokens"), host)
    authority.check_bind(Settings(), host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_without_authentication_it_listens_on_loopback(host: str) -> None:
    authority.check_bind(Settings(api_auth="none"), host)


# --- what exists


@pytest.mark.usefixtures("filled")
async def test_what_exists_is_what_there_are_points_of(reader: InfluxReader) -> None:
    access = authority.make(Settings(api_auth="none"), reader)
    caller = await access.caller({})
    assert await access.cdns(caller) == ["cdn-a", "cdn-b"]
    named = ["cdn-a", "not-rolled-up", "cdn", "a' OR 1=1; DROP DATABASE x --", ""]
    assert [await access.has_cdn(caller, name) for name in named] == [True, False, False, False, False]
    asked: list[tuple[str | None, str | None, str | None]] = [
        ("sports", None, "sports"),
        (None, "sports", "sports"),
        (None, "12", "12"),
        ("sports", "12", "sports"),
        ("other", None, None),
        (None, None, None),
        ("x", "sports", None),
    ]
    for name, id_or_name, found in asked:
        assert await access.delivery_service(caller, name=name, id_or_name=id_or_name) == found
    await access.aclose()


async def test_the_names_are_remembered_for_a_minute(filled: Influx, reader: InfluxReader) -> None:
    clock = Clock(1000.0)
    names = TaggedNames(reader, clock=clock)
    assert await names.cdns() == {"cdn-a", "cdn-b"}
    filled.write(b"connections.cdn.1min,cdn=cdn-c value=1 1", database="cache_stats", policy="monthly")
    clock.now += 59
    assert "cdn-c" not in await names.cdns()
    clock.now += 2
    assert await names.cdns() == {"cdn-a", "cdn-b", "cdn-c"}


@pytest.mark.usefixtures("influx")
async def test_where_nothing_was_set_up_yet_that_is_an_error_and_no_empty_answer(
    reader: InfluxReader,
) -> None:
    with pytest.raises(ServerError, match="refused a query"):
        await TaggedNames(reader).cdns()
