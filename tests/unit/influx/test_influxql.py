"""InfluxQL text: the server's normal form, and quotes around everything that comes from outside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tstats.core.model import Condition, Rollup
from tstats.core.time import DAY, HOUR, INFINITE, MINUTE, SECOND, format_duration, parse_go_duration
from tstats.influx import influxql


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("bandwidth", "bandwidth"),
        ("tps_2xx", "tps_2xx"),
        ("_internal", "_internal"),
        ("bandwidth.cdn.1min", '"bandwidth.cdn.1min"'),
        ("1min", '"1min"'),
        ("", '""'),
        ("select", '"select"'),
        ("Default", '"Default"'),
        ("true", '"true"'),
        ("häuser", '"häuser"'),
        ("a b", '"a b"'),
        ('a"b', r'"a\"b"'),
        ("a\\b", r'"a\\b"'),
        ("a\nb", r'"a\nb"'),
        ('x"; DROP DATABASE cache_stats; --', r'"x\"; DROP DATABASE cache_stats; --"'),
    ],
)
def test_a_name_is_bare_where_it_can_be_and_quoted_else(name: str, written: str) -> None:
    assert influxql.identifier(name) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("total", "'total'"),
        ("", "''"),
        ("it's", r"'it\'s'"),
        ("a\\", r"'a\\'"),
        ("a\nb", r"'a\nb'"),
        ('"', "'\"'"),
        ("' OR 1=1 --", r"'\' OR 1=1 --'"),
    ],
)
def test_a_value_is_a_string_literal(value: str, written: str) -> None:
    assert influxql.string(value) == written


@given(st.text())
def test_no_name_and_no_value_ends_its_own_quotes(text: str) -> None:
    for written, quote in ((influxql.string(text), "'"), (influxql.identifier(f"{text}-"), '"')):
        inside = written[1:-1].replace("\\\\", "").replace(f"\\{quote}", "")
        assert quote not in inside
        assert not inside.endswith("\\")
        assert "\n" not in inside


@pytest.mark.parametrize(
    ("nanoseconds", "written"),
    [
        (MINUTE, "1m"),
        (90 * SECOND, "90s"),
        (26 * HOUR, "26h"),
        (30 * DAY, "30d"),
        (14 * DAY, "2w"),
        (1_500_000, "1500u"),
        (1, "1ns"),
    ],
)
def test_a_duration_is_written_in_the_largest_unit_that_divides_it(nanoseconds: int, written: str) -> None:
    assert format_duration(nanoseconds) == written


@pytest.mark.parametrize("nanoseconds", [0, -1])
def test_a_duration_is_positive(nanoseconds: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        format_duration(nanoseconds)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0s", INFINITE),
        ("26h0m0s", 26 * HOUR),
        ("720h0m0s", 30 * DAY),
        ("1h1m1s", HOUR + MINUTE + SECOND),
        ("1h0m0.001s", HOUR + 1_000_000),
        ("1h0m1.500000001s", HOUR + SECOND + 500_000_001),
    ],
)
def test_the_durations_that_the_server_shows_are_read(text: str, nanoseconds: int) -> None:
    assert parse_go_duration(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "26", "h", "1d", "-1h", "1h 1m", "1m1h", "1h0m0.0000000001s", "१h"])
def test_what_is_no_duration_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="invalid duration"):
        parse_go_duration(text)


def test_a_new_policy_says_all_that_it_is() -> None:
    statement = influxql.create_retention_policy(
        "cache_stats", "daily", keep=26 * HOUR, replication=3, shards=2 * HOUR, default=True
    )
    assert statement == (
        "CREATE RETENTION POLICY daily ON cache_stats DURATION 26h REPLICATION 3 SHARD DURATION 2h DEFAULT"
    )


def test_a_policy_for_ever_with_the_shards_that_the_server_picks() -> None:
    statement = influxql.create_retention_policy("a b", "default", keep=INFINITE, replication=1)
    assert statement == 'CREATE RETENTION POLICY "default" ON "a b" DURATION INF REPLICATION 1'


def test_an_altered_policy_says_only_what_changes() -> None:
    assert influxql.alter_retention_policy("db", "p", keep=HOUR) == (
        "ALTER RETENTION POLICY p ON db DURATION 1h"
    )
    assert influxql.alter_retention_policy("db", "p", replication=2, default=True) == (
        "ALTER RETENTION POLICY p ON db REPLICATION 2 DEFAULT"
    )


def test_a_rollup_becomes_a_continuous_query_in_the_normal_form() -> None:
    rollup = Rollup(
        name="kbps by group",
        database="site",
        source_policy="default",
        source="kbps",
        target_policy="monthly",
        target="kbps.group",
        aggregate="max",
        tags=("cdn", "cache group"),
        condition=Condition(tag="type", operator="!=", value="it's"),
        resample=2 * MINUTE,
    )
    assert influxql.create_continuous_query(rollup) == (
        'CREATE CONTINUOUS QUERY "kbps by group" ON site RESAMPLE FOR 2m BEGIN '
        'SELECT max(value) AS value INTO site.monthly."kbps.group" FROM site."default".kbps '
        "WHERE type != 'it\\'s' GROUP BY time(1m), cdn, \"cache group\" END"
    )


def test_a_continuous_query_is_dropped_by_name_and_database() -> None:
    assert influxql.drop_continuous_query("a b", "c.d") == 'DROP CONTINUOUS QUERY "c.d" ON "a b"'
