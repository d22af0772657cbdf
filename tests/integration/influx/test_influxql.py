"""InfluxQL that is made here means the same to a real influxd, whatever the names and values."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tstats.errors import RefusedError
from tstats.influx import influxql, line_protocol
from tstats.influx.client import Influx

# A carriage return and a NUL end any quotes for the server's scanner, and it knows no escape for them.
TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\0") | st.sampled_from("'\"\\\n ,=;-/"),
    max_size=30,
)
# Those that line protocol can write, and none: the series without the tag.
TAG = TEXT.filter(lambda text: "\n" not in text and not text.endswith("\\"))
SERVER = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def database(influx: Influx) -> Influx:
    influx.query("CREATE DATABASE db")
    influx.write(b"m value=1 1", database="db")
    return influx


@SERVER
@given(value=TEXT)
def test_a_string_literal_is_that_string(database: Influx, value: str) -> None:
    line = line_protocol.point("strings", tags={}, fields={"text": value, "value": 1}, time=1)
    database.write(line.encode(), database="db")
    (series,) = database.query(
        f"SELECT text FROM strings WHERE text = {influxql.string(value)}", database="db"
    )
    assert series.values == [[1, value]]


@SERVER
@given(name=TEXT.filter(bool))
def test_an_identifier_is_that_name(database: Influx, name: str) -> None:
    (series,) = database.query(f"SELECT value AS {influxql.identifier(name)} FROM m", database="db")
    assert series.columns == ["time", name]


@pytest.mark.parametrize("fillers", [0, 200], ids=["few values", "many values"])
@SERVER
@given(chosen=st.sets(TAG, min_size=1, max_size=4), others=st.sets(TAG, max_size=4))
def test_the_series_of_some_values_of_a_tag_are_those(
    database: Influx, fillers: int, chosen: set[str], others: set[str]
) -> None:
    database.query("DROP MEASUREMENT tagged", database="db")
    lines = [
        line_protocol.point("tagged", tags={"host": value}, fields={"value": 1}, time=1)
        for value in chosen | others
    ]
    database.write("\n".join(lines).encode(), database="db")
    asked = influxql.one_of("host", [*chosen, *(f"none {number}" for number in range(fillers))])
    found = database.query(f"SELECT value FROM tagged WHERE {asked} GROUP BY host", database="db")
    assert {series.tags["host"] for series in found} == chosen


@pytest.mark.parametrize("text", ["a\rb", "a\0b"])
def test_what_cannot_be_quoted_is_refused_by_the_server_and_does_nothing(database: Influx, text: str) -> None:
    for statement in (
        f"SELECT value FROM m WHERE tag = {influxql.string(text)}; DROP DATABASE db",
        f"SELECT {influxql.identifier(text)} FROM m; DROP DATABASE db",
    ):
        with pytest.raises(RefusedError, match="error parsing query"):
            database.query(statement, database="db")
    assert database.query("SELECT value FROM m", database="db")


def test_every_keyword_is_quoted_as_the_server_quotes_it(database: Influx) -> None:
    words = """
        all alter analyze and any as asc begin bool boolean by cardinality create continuous count database
        databases default delete desc destinations diagnostics distinct drop duration end every exact exists
        explain false field fill float for from grant grants group groups having if in inf inner insert int
        integer into join key keys kill last limit linear mean measurement measurements name no none not now
        null offset on or order outer password policies policy previous privileges queries query read
        replication resample retention revoke role rp select series set shard shards show slimit soffset
        stats string subscription subscriptions table tag then time to true tz union unsigned user users
        value values verbose view when where with write
    """.split()  # noqa: SIM905 (a list of words reads as one)
    for word in (*words, *(word.upper() for word in words)):
        statement = (
            f'CREATE CONTINUOUS QUERY "{word}_" ON db BEGIN SELECT mean(value) INTO db.autogen."{word}"'
            " FROM db.autogen.x GROUP BY time(1m) END"
        )
        database.query(statement)
    rows = [row for series in database.query("SHOW CONTINUOUS QUERIES") for row in series.rows()]
    assert len(rows) == 2 * len(words)
    for row in rows:
        found = re.search(r"INTO db\.autogen\.(\S+) FROM", row["query"])
        assert found is not None
        assert found[1] == influxql.identifier(row["name"].removesuffix("_"))
