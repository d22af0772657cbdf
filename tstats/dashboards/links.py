"""The parameters by which Traffic Ops and Traffic Portal link to the dashboards.

The URLs for a cache group, a delivery service and a server end where its name is appended.
"""

from collections.abc import Mapping

from tstats.dashboards.names import (
    CACHE_GROUP,
    CDN,
    CDN_BANDWIDTH_PANEL,
    CDN_CONNECTIONS_PANEL,
    DAILY,
    DAILY_MAXIMUM_PANEL,
    DAILY_SERVED_PANEL,
    DELIVERY_SERVICE,
    SERVER,
    DashboardName,
)

_LAST_DAY = "now-24h"
_LAST_YEARS = "now-3y"


def parameters(grafana: str) -> Mapping[str, str]:
    """Return the value of each parameter of the profile GLOBAL, for a Grafana at this URL."""
    base = grafana.rstrip("/")

    def solo(name: DashboardName, panel: int, since: str, until: str) -> str:
        return f"{base}{name.solo_path}?panelId={panel}&from={since}&to={until}"

    return {
        "all_graph_url": f"{base}{DELIVERY_SERVICE.path}?var-deliveryservice=$__all",
        "cachegroup_graph_url": f"{base}{CACHE_GROUP.path}?var-cachegroup=",
        "deliveryservice_graph_url": f"{base}{DELIVERY_SERVICE.path}?var-deliveryservice=",
        "server_graph_url": f"{base}{SERVER.path}?var-hostname=",
        # The current minute has no rollup yet.
        "visual_status_panel_1": solo(CDN, CDN_BANDWIDTH_PANEL, _LAST_DAY, "now-60s"),
        "visual_status_panel_2": solo(CDN, CDN_CONNECTIONS_PANEL, _LAST_DAY, "now-60s"),
        "daily_bw_url": solo(DAILY, DAILY_MAXIMUM_PANEL, _LAST_YEARS, "now"),
        "daily_served_url": solo(DAILY, DAILY_SERVED_PANEL, _LAST_YEARS, "now"),
    }
