"""The JSON models of all dashboards."""

from collections.abc import Mapping

from tstats.dashboards.boards import cache_group, cdn, daily, delivery_service, health, server

_DASHBOARDS = (
    cdn.DASHBOARD,
    cache_group.DASHBOARD,
    delivery_service.DASHBOARD,
    server.DASHBOARD,
    daily.DASHBOARD,
    health.DASHBOARD,
)


def json_models() -> Mapping[str, str]:
    """Return the JSON model of each dashboard by its uid, the same texts each time."""
    return {dashboard.name.uid: dashboard.json_model() for dashboard in _DASHBOARDS}
