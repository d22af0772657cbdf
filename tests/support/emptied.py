"""The influxd that tests share, in the state in which a test starts."""

from tests.support.influxd import Influxd
from tstats.influx.client import Endpoint, Influx
from tstats.influx.influxql import identifier


def emptied(server: Influxd) -> Influx:
    """Drop every database of a server and return a connection to it, which the caller closes."""
    influx = Influx(Endpoint(url=server.url))
    for series in influx.query("SHOW DATABASES"):
        for row in series.rows():
            influx.query(f"DROP DATABASE {identifier(row['name'])}")
    return influx
