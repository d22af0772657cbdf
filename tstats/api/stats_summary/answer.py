"""The use cases of the API's stats_summary: answers for what is asked, and a record for what is posted."""

from contextlib import closing

from tstats.api.http.problem import Problem
from tstats.api.stats_summary.query import LastQuery, RecordQuery
from tstats.api.stats_summary.record import Record, last_as_json, records_as_json
from tstats.api.stats_summary.table import SummaryRecords
from tstats.config.settings import Settings
from tstats.db.database import Database

_TOO_MANY = (
    "There are more than {most} records, and no more are given at once: ask for those of one cdnName,"
    " deliveryServiceName or statName, or page by page with limit and offset"
)
# Whoever asks the API has less patience than the tools that share the database with it.
_LOCK_SECONDS = 3.0


class StatsSummaries:
    """Reads and writes records; any thread may use it.

    Args:
        records: where they are.
        most: records in one answer.
    """

    def __init__(self, records: SummaryRecords, *, most: int) -> None:
        self._records = records
        self._most = most

    def answer(self, query: RecordQuery | LastQuery, version: str) -> bytes:
        """The body of the answer, in JSON as that version of the API writes it.

        Raises:
            Problem: 400: there are too many records for one answer.
            UnreachableError, DatabaseError: the database cannot answer.
        """
        if isinstance(query, LastQuery):
            return last_as_json(self._records.last(query.stat), version)
        parts: list[bytes] = []
        left = self._most
        with closing(self._records.read(query, most=self._most + 1)) as portions:
            for records in portions:
                left -= len(records)
                if left < 0:
                    raise Problem(400, _TOO_MANY.format(most=self._most))
                parts.append(records_as_json(records, version))
        return b'{"response":[' + b",".join(parts) + b"]}"

    def record(self, record: Record) -> None:
        """Keep a record.

        Raises:
            UnreachableError, DatabaseError: it could not be kept.
        """
        self._records.save(record)


def from_settings(settings: Settings) -> StatsSummaries:
    """The records in the database of the summaries; it is not looked at yet.

    Raises:
        ConfigError: databaseUrl is none.
    """
    database = Database(
        settings.summary_database,
        lock_seconds=min(_LOCK_SECONDS, settings.api_query_timeout),
        statement_seconds=settings.api_query_timeout,
    )
    return StatsSummaries(SummaryRecords(database), most=settings.api_max_points)
