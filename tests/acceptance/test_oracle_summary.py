"""A recorded day gives the figures of Go's traffic_stats, plus the minute that Go leaves out.

The recordings are not part of this repository; this test is skipped where they are missing next to it.
"""

import pytest

from tests.support.days import DAY, SETTLED, make_databases, migrated, sql_rows, summarizer
from tests.support.oracle import ORACLE, needs_oracle
from tstats.influx.client import Influx

# What Go's traffic_stats posted for it, and the kbps of the minute 00:00, which Go does not count.
OF_GO = {"cdn1": (2.2995, 23.0403, 2_000_000), "cdn2": (0.750096, 4.04463174, 750_000)}


@needs_oracle
def test_the_recorded_day_has_go_s_maxima_and_its_bytes_plus_the_first_minute(
    influx: Influx, database_url: str
) -> None:
    make_databases(influx)
    recorded = (ORACLE / "fixtures" / "yesterday.cache_stats.monthly.lp").read_bytes()
    influx.write(recorded, database="cache_stats", policy="monthly")
    assert summarizer(influx, rows=migrated(database_url)).run(SETTLED, only=DAY).ok
    rows = sql_rows(database_url)
    assert len(rows) == 2 * len(OF_GO)
    for cdn, (gbps, terabytes, first_minute) in OF_GO.items():
        assert rows[str(DAY), cdn, "all", "daily_maxgbps"] == gbps
        counted = terabytes + first_minute * 60 / 8 / 10**9
        assert rows[str(DAY), cdn, "all", "daily_bytesserved"] == pytest.approx(counted, rel=1e-12)
