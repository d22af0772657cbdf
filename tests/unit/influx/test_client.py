"""The client believes InfluxDB, and nobody who merely answers in its place."""

import pytest

from tests.support.stand_in import Reply, StandIn
from tstats.errors import RefusedError
from tstats.influx.client import Endpoint, Influx

INFLUXDB = {"X-Influxdb-Version": "1.6.7~rc0"}


@pytest.mark.parametrize("status", [400, 413])
def test_only_influxdb_can_refuse_lines_for_good(status: int) -> None:
    other = Reply(status=status, body=b"<html>Bad Request</html>")
    with (
        StandIn(lambda _: other) as server,
        pytest.raises(RefusedError, match="if it is no InfluxDB") as refusal,
    ):
        Influx(Endpoint(url=server.url)).write(b"m value=1 1", database="x")
    assert refusal.value.status == 0, "the batch waits"
    refused = Reply(status=status, headers=INFLUXDB, body=b'{"error":"unable to parse"}')
    with StandIn(lambda _: refused) as server, pytest.raises(RefusedError) as refusal:
        Influx(Endpoint(url=server.url)).write(b"m value=1 1", database="x")
    assert refusal.value.status == status


def test_a_redirect_is_not_followed() -> None:
    with StandIn(lambda _: Reply(status=200, body=b'{"results":[]}')) as elsewhere:
        moved = Reply(status=307, headers={"Location": elsewhere.url + "/query"})
        with StandIn(lambda _: moved) as server, pytest.raises(RefusedError, match="redirects to"):
            Influx(Endpoint(url=server.url, user="u")).query("SHOW DATABASES")
        assert elsewhere.requests == []
