"""The influxd that tests share, as a test wants to find it."""

from tests.support.influxd import Influxd
from tstats.influx.client import Endpoint, Influx
from tstats.influx.influxql import identifier


def emptied(server: Influxd) -> Influx:
    """A connection to a server that has no database any more; to be closed."""
    influx = Influx(Endpoint(url=server.url))
    for series in influx.query("SHOW DATABASES"):
        for row in series.rows():
            influx.query(f"DROP DATABASE {identifier(row['name'])}")
    return influx
