"""The uids and titles of the dashboards. A uid never changes: bookmarks and Traffic Ops point at it."""

from dataclasses import dataclass

TAG = "tstats"  # how the dashboards find each other

FOLDER_UID = "tstats"
FOLDER_TITLE = "Traffic Control"


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardName:
    """What a dashboard is called.

    Attributes:
        uid: at most 40 characters; its place in a URL.
        title: what people read.
    """

    uid: str
    title: str

    @property
    def path(self) -> str:
        """The path below Grafana's own URL."""
        return f"/d/{self.uid}/{self.uid}"

    @property
    def solo_path(self) -> str:
        """The path that shows a single panel; Grafana requires a slug after the uid there."""
        return f"/d-solo/{self.uid}/{self.uid}"


CDN = DashboardName(uid="tstats-cdn", title="CDN overview")
CACHE_GROUP = DashboardName(uid="tstats-cache-group", title="Cache group")
DELIVERY_SERVICE = DashboardName(uid="tstats-delivery-service", title="Delivery service")
SERVER = DashboardName(uid="tstats-server", title="Server")
DAILY = DashboardName(uid="tstats-daily", title="Daily summary")
HEALTH = DashboardName(uid="tstats-itself", title="tstats itself")

# The ids of the panels that parameters of Traffic Ops point at.
CDN_BANDWIDTH_PANEL = 4
CDN_CONNECTIONS_PANEL = 5
DAILY_MAXIMUM_PANEL = 3
DAILY_SERVED_PANEL = 4
