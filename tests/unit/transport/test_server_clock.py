"""The difference between a server's clock and ours, from the Date of its response."""

import time

import pytest

from tests.support.ports import NOBODY
from tests.support.stand_in import Reply, StandIn
from tstats.errors import UnreachableError
from tstats.transport.server_clock import seconds_ahead


@pytest.mark.parametrize("status", [200, 404, 500])
def test_any_response_has_the_time(status: int) -> None:
    with StandIn(lambda _: Reply(status=status)) as server:
        assert seconds_ahead(server.url, seconds=30) == pytest.approx(0, abs=20)


@pytest.mark.parametrize("ahead", [-600.0, 600.0])
def test_the_sign_says_which_clock_is_ahead(ahead: float) -> None:
    with StandIn(lambda _: Reply(status=204)) as server:
        found = seconds_ahead(server.url, seconds=30, clock=lambda: time.time() - ahead)
    assert found == pytest.approx(ahead, abs=20)


def test_an_unreachable_server_is_named() -> None:
    with pytest.raises(UnreachableError, match=NOBODY):
        seconds_ahead(NOBODY, seconds=5)
