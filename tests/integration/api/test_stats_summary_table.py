"""The table stats_summary in SQLite and PostgreSQL: reading, the last record, and saving."""

from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.support.days import migrated
from tests.support.postgres import Postgres
from tstats.api.http.problem import Problem
from tstats.api.stats_summary.handlers import read_body
from tstats.api.stats_summary.query import LastQuery, RecordQuery
from tstats.api.stats_summary.record import StatsSummary
from tstats.api.stats_summary.table import SummaryTable
from tstats.core.secret import Secret
from tstats.db.database import Database
from tstats.db.tables import STATS_SUMMARY
from tstats.errors import DatabaseError, UnreachableError

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = date(2026, 11, 20)


def record(**changed: object) -> StatsSummary:
    defaults: dict[str, object] = {
        "cdn": "cdn1",
        "deliveryservice": "all",
        "stat": "daily_maxgbps",
        "value": 1.5,
        "summary_time": NOON,
        "stat_date": DAY,
    }
    return StatsSummary(**(defaults | changed))  # type: ignore[arg-type] # the test's values


@pytest.fixture
def table(database_url: str) -> SummaryTable:
    migrated(database_url)
    return SummaryTable(Database(Secret(database_url), lock_seconds=0.2))


def read(
    table: SummaryTable, query: RecordQuery | None = None, *, max_records: int = 10_000
) -> list[StatsSummary]:
    batches = table.read(query or RecordQuery(filters={}), max_records=max_records)
    return [row for batch in batches for row in batch]


def test_a_record_round_trips(table: SummaryTable) -> None:
    odd = record(
        cdn="a' OR 1=1; -- %s :x", stat="é\n☃", value=-1e308, summary_time=NOON.replace(microsecond=7)
    )
    table.save(odd)
    assert read(table) == [odd]


def test_the_newest_record_of_a_day_stays(table: SummaryTable) -> None:
    table.save(record(value=1.0))
    table.save(record(value=2.0, summary_time=NOON + HOUR))
    table.save(record(value=3.0, summary_time=NOON))  # out of order
    assert read(table) == [record(value=2.0, summary_time=NOON + HOUR)]
    table.save(record(value=4.0, summary_time=NOON + HOUR))
    assert read(table) == [record(value=4.0, summary_time=NOON + HOUR)]
    others = [record(cdn="cdn2"), record(deliveryservice="vod"), record(stat="x"), record(stat_date=None)]
    for other in (*others, others[-1]):
        table.save(other)
    assert read(table)[1:] == [*others, others[-1]]  # without a date, every record is kept


def test_records_are_filtered_sorted_and_paginated(table: SummaryTable) -> None:
    rows = [record(cdn=cdn, stat=stat) for cdn, stat in ("2b", "1c", "1a", "2a")]
    for row in rows:
        table.save(row)

    def names(query: RecordQuery, max_records: int = 10) -> str:
        return " ".join(row.cdn + row.stat for row in read(table, query, max_records=max_records))

    assert names(RecordQuery(filters={})) == "2b 1c 1a 2a"
    assert names(RecordQuery(filters={"cdn": "1"})) == "1c 1a"
    assert names(RecordQuery(filters={"cdn": "1", "stat": "a", "deliveryservice": "all"})) == "1a"
    assert names(RecordQuery(filters={"cdn": ""})) == ""
    assert names(RecordQuery(filters={}, order="stat")) == "1a 2a 2b 1c"
    assert names(RecordQuery(filters={}, order="stat", descending=True)) == "1c 2b 1a 2a"
    assert names(RecordQuery(filters={}, order="cdn", limit=3, offset=1)) == "1a 2b 2a"
    assert names(RecordQuery(filters={}, offset=3)) == "2a"
    assert names(RecordQuery(filters={}, limit=0)) == ""
    assert names(RecordQuery(filters={}, limit=2**63 - 1), max_records=2) == "2b 1c"


def test_the_last_time_of_a_stat_or_of_all(table: SummaryTable) -> None:
    assert table.last(None) is None
    table.save(record(summary_time=NOON))
    table.save(record(stat="other", summary_time=NOON + HOUR))
    assert (table.last("daily_maxgbps"), table.last("other")) == (NOON, NOON + HOUR)
    assert (table.last(None), table.last("none")) == (NOON + HOUR, None)


def test_the_last_time_is_found_by_an_index(tmp_path: Path) -> None:
    migrated(url := f"sqlite:///{tmp_path / 'tstats.db'}")
    executed: list[str] = []
    database = Database(Secret(url))
    with database.connect() as connection:
        sa.event.listen(connection.engine, "before_cursor_execute", lambda *event: executed.append(event[2]))
    SummaryTable(database).last("daily_maxgbps")
    (statement,) = (text for text in executed if text.startswith("SELECT"))
    with database.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", ("x", 1, 0)).all()
    assert "USING COVERING INDEX tstats_stats_summary_last" in str(plan)
    assert "ORDER BY" not in str(plan)  # nothing is sorted


def test_a_response_has_a_limited_number_of_records(table: SummaryTable) -> None:
    for stat in "ab":
        table.save(record(stat=stat))
    everything = RecordQuery(filters={})
    assert read_body(table, everything, "5.0", max_records=2).count(b"statName") == 2
    table.save(record(stat="c"))
    with pytest.raises(Problem, match="more than 2 records") as caught:
        read_body(table, everything, "5.0", max_records=2)
    assert caught.value.status == 400
    assert (
        read_body(table, RecordQuery(filters={}, limit=2, offset=1), "5.0", max_records=2).count(b"statName")
        == 2
    )
    assert (
        read_body(table, LastQuery(stat=None), "5.0", max_records=2)
        == b'{"response":{"summaryTime":"2026-11-21T12:00:00Z"}}'
    )


def test_many_records_are_one_array(table: SummaryTable, database_url: str) -> None:
    rows = [
        {"deliveryservice_name": "all", "stat_name": f"{number}", "stat_value": 1.0, "summary_time": NOON}
        for number in range(2_500)
    ]
    with Database(Secret(database_url)).connect(writing=True) as connection, connection.begin():
        connection.execute(sa.insert(STATS_SUMMARY), rows)
    assert [row.stat for row in read(table)] == [row["stat_name"] for row in rows]
    body = read_body(table, RecordQuery(filters={}), "5.0", max_records=2_500)
    assert (body[:14], body[-2:], body.count(b"},{")) == (b'{"response":[{', b"]}", 2_499)


def test_closing_a_read_ends_its_session(table: SummaryTable) -> None:
    table.save(record())
    with closing(table.read(RecordQuery(filters={}), max_records=1)) as batches:
        next(batches)
    table.save(record(stat="b"))  # the session has ended and holds no lock


def test_a_missing_file_is_not_created(tmp_path: Path) -> None:
    table = SummaryTable(Database(Secret(f"sqlite:///{tmp_path / 'tstats.db'}")))
    for act in (lambda: read(table), lambda: table.last(None), lambda: table.save(record())):
        with pytest.raises(DatabaseError, match="no such file; run: tstats db upgrade"):
            act()
    assert list(tmp_path.iterdir()) == []


def test_without_the_key_only_records_without_a_date_can_be_saved(
    postgres: Postgres, traffic_ops_url: str
) -> None:
    del postgres
    table = SummaryTable(Database(Secret(traffic_ops_url)))
    assert len(read(table)) == 200
    table.save(record(stat_date=None))
    with pytest.raises(DatabaseError, match="the schema is not what this tstats needs"):
        table.save(record())
    assert len(read(table)) == 201


def test_a_locked_database_is_not_waited_for_long(table: SummaryTable, database_url: str) -> None:
    lock = "BEGIN EXCLUSIVE" if database_url.startswith("sqlite") else "LOCK TABLE stats_summary"
    with Database(Secret(database_url)).connect() as other:
        other.exec_driver_sql("COMMIT" if database_url.startswith("sqlite") else "SELECT 1")
        other.exec_driver_sql(lock)
        with pytest.raises(DatabaseError, match=r"another (session|process) held"):
            table.save(record())
        with pytest.raises(DatabaseError, match=r"another (session|process) held"):
            read(table)


def test_a_database_that_is_down_is_unreachable() -> None:
    table = SummaryTable(Database(Secret("postgresql://nobody@127.0.0.1:9/none")))
    with pytest.raises(UnreachableError):
        table.last(None)
