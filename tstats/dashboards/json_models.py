"""All dashboards, as the texts that Grafana takes."""

from collections.abc import Mapping

from tstats.dashboards.boards import cache_group, cdn, daily, delivery_service, health, server

_BOARDS = (cdn, cache_group, delivery_service, server, daily, health)


def texts() -> Mapping[str, str]:
    """The JSON of each dashboard by its uid, the same each time."""
    boards = [module.board() for module in _BOARDS]
    return {board.name.uid: board.text() for board in boards}
