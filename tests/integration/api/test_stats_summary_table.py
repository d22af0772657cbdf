"""The records of stats_summary in SQLite and PostgreSQL: read by filter, the last one's time, kept once."""

from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.support.days import migrated
from tests.support.postgres import Postgres
from tstats.api.http.problem import Problem
from tstats.api.stats_summary.answer import StatsSummaries
from tstats.api.stats_summary.query import LastQuery, RecordQuery
from tstats.api.stats_summary.record import Record
from tstats.api.stats_summary.table import SummaryRecords
from tstats.core.secret import Secret
from tstats.db.database import Database
from tstats.db.tables import STATS_SUMMARY
from tstats.errors import DatabaseError, UnreachableError

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = date(2026, 11, 20)


def record(**changed: object) -> Record:
    kept: dict[str, object] = {
        "cdn": "cdn1",
        "deliveryservice": "all",
        "stat": "daily_maxgbps",
        "value": 1.5,
        "summary_time": NOON,
        "stat_date": DAY,
    }
    return Record(**(kept | changed))  # type: ignore[arg-type] # the test's words


@pytest.fixture
def records(database_url: str) -> SummaryRecords:
    migrated(database_url)
    return SummaryRecords(Database(Secret(database_url), lock_seconds=0.2))


def found(records: SummaryRecords, query: RecordQuery | None = None, *, most: int = 10_000) -> list[Record]:
    return [one for some in records.read(query or RecordQuery(filters={}), most=most) for one in some]


def test_a_record_comes_back_as_it_was_kept(records: SummaryRecords) -> None:
    odd = record(
        cdn="a' OR 1=1; -- %s :x", stat="é\n☃", value=-1e308, summary_time=NOON.replace(microsecond=7)
    )
    records.save(odd)
    assert found(records) == [odd]


def test_of_one_day_the_newest_record_stays(records: SummaryRecords) -> None:
    records.save(record(value=1.0))
    records.save(record(value=2.0, summary_time=NOON + HOUR))
    records.save(record(value=3.0, summary_time=NOON))  # posted late
    assert found(records) == [record(value=2.0, summary_time=NOON + HOUR)]
    records.save(record(value=4.0, summary_time=NOON + HOUR))
    assert found(records) == [record(value=4.0, summary_time=NOON + HOUR)]
    others = [record(cdn="cdn2"), record(deliveryservice="vod"), record(stat="x"), record(stat_date=None)]
    for other in (*others, others[-1]):
        records.save(other)
    assert found(records)[1:] == [*others, others[-1]]  # without a date each is another one


def test_records_are_filtered_ordered_and_paged(records: SummaryRecords) -> None:
    rows = [record(cdn=cdn, stat=stat) for cdn, stat in ("2b", "1c", "1a", "2a")]
    for row in rows:
        records.save(row)

    def names(query: RecordQuery, most: int = 10) -> str:
        return " ".join(row.cdn + row.stat for row in found(records, query, most=most))

    assert names(RecordQuery(filters={})) == "2b 1c 1a 2a"
    assert names(RecordQuery(filters={"cdn": "1"})) == "1c 1a"
    assert names(RecordQuery(filters={"cdn": "1", "stat": "a", "deliveryservice": "all"})) == "1a"
    assert names(RecordQuery(filters={"cdn": ""})) == ""
    assert names(RecordQuery(filters={}, order="stat")) == "1a 2a 2b 1c"
    assert names(RecordQuery(filters={}, order="stat", descending=True)) == "1c 2b 1a 2a"
    assert names(RecordQuery(filters={}, order="cdn", limit=3, offset=1)) == "1a 2b 2a"
    assert names(RecordQuery(filters={}, offset=3)) == "2a"
    assert names(RecordQuery(filters={}, limit=0)) == ""
    assert names(RecordQuery(filters={}, limit=2**63 - 1), most=2) == "2b 1c"


def test_the_last_time_is_that_of_a_stat_or_of_all(records: SummaryRecords) -> None:
    assert records.last(None) is None
    records.save(record(summary_time=NOON))
    records.save(record(stat="other", summary_time=NOON + HOUR))
    assert (records.last("daily_maxgbps"), records.last("other")) == (NOON, NOON + HOUR)
    assert (records.last(None), records.last("none")) == (NOON + HOUR, None)


def test_the_last_time_is_found_without_reading_the_table(tmp_path: Path) -> None:
    migrated(url := f"sqlite:///{tmp_path / 'tstats.db'}")
    said: list[str] = []
    database = Database(Secret(url))
    with database.connect() as connection:
        sa.event.listen(connection.engine, "before_cursor_execute", lambda *told: said.append(told[2]))
    SummaryRecords(database).last("daily_maxgbps")
    (statement,) = (each for each in said if each.startswith("SELECT"))
    with database.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", ("x", 1, 0)).all()
    assert "USING COVERING INDEX tstats_stats_summary_last" in str(plan)
    assert "ORDER BY" not in str(plan)  # nothing is sorted


def test_an_answer_has_so_many_records_at_most(records: SummaryRecords) -> None:
    summaries = StatsSummaries(records, most=2)
    for stat in "ab":
        summaries.record(record(stat=stat))
    everything = RecordQuery(filters={})
    assert summaries.answer(everything, "5.0").count(b"statName") == 2
    summaries.record(record(stat="c"))
    with pytest.raises(Problem, match="more than 2 records") as told:
        summaries.answer(everything, "5.0")
    assert told.value.status == 400
    assert summaries.answer(RecordQuery(filters={}, limit=2, offset=1), "5.0").count(b"statName") == 2
    assert (
        summaries.answer(LastQuery(stat=None), "5.0")
        == b'{"response":{"summaryTime":"2026-11-21T12:00:00Z"}}'
    )


def test_many_records_are_one_array(records: SummaryRecords, database_url: str) -> None:
    rows = [
        {"deliveryservice_name": "all", "stat_name": f"{number}", "stat_value": 1.0, "summary_time": NOON}
        for number in range(2_500)
    ]
    with Database(Secret(database_url)).connect(writing=True) as connection, connection.begin():
        connection.execute(sa.insert(STATS_SUMMARY), rows)
    assert [one.stat for one in found(records)] == [row["stat_name"] for row in rows]
    body = StatsSummaries(records, most=2_500).answer(RecordQuery(filters={}), "5.0")
    assert (body[:14], body[-2:], body.count(b"},{")) == (b'{"response":[{', b"]}", 2_499)


def test_reading_stops_when_it_is_closed(records: SummaryRecords) -> None:
    records.save(record())
    with closing(records.read(RecordQuery(filters={}), most=1)) as portions:
        next(portions)
    records.save(record(stat="b"))  # the session has ended: nothing is locked


def test_an_absent_file_is_not_made(tmp_path: Path) -> None:
    records = SummaryRecords(Database(Secret(f"sqlite:///{tmp_path / 'tstats.db'}")))
    for act in (lambda: found(records), lambda: records.last(None), lambda: records.save(record())):
        with pytest.raises(DatabaseError, match="there is no such file; run: tstats db upgrade"):
            act()
    assert list(tmp_path.iterdir()) == []


def test_without_the_key_only_what_has_no_date_can_be_kept(postgres: Postgres, traffic_ops_url: str) -> None:
    del postgres
    records = SummaryRecords(Database(Secret(traffic_ops_url)))
    assert len(found(records)) == 200
    records.save(record(stat_date=None))
    with pytest.raises(DatabaseError, match="the schema is not what this tstats needs"):
        records.save(record())
    assert len(found(records)) == 201


def test_a_locked_database_is_not_waited_for_long(records: SummaryRecords, database_url: str) -> None:
    lock = "BEGIN EXCLUSIVE" if database_url.startswith("sqlite") else "LOCK TABLE stats_summary"
    with Database(Secret(database_url)).connect() as other:
        other.exec_driver_sql("COMMIT" if database_url.startswith("sqlite") else "SELECT 1")
        other.exec_driver_sql(lock)
        with pytest.raises(DatabaseError, match=r"another (session|process) kept"):
            records.save(record())
        with pytest.raises(DatabaseError, match=r"another (session|process) kept"):
            found(records)


def test_a_database_that_is_gone_is_unreachable() -> None:
    records = SummaryRecords(Database(Secret("postgresql://nobody@127.0.0.1:9/none")))
    with pytest.raises(UnreachableError):
        records.last(None)
