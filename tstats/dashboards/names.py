"""What dashboards are called in Grafana: uids stay for ever, for bookmarks and Traffic Ops point at them."""

from dataclasses import dataclass

TAG = "tstats"  # by which the dashboards find each other


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A dashboard's name.

    Attributes:
        uid: at most 40 characters; the path of its URL.
        title: what people read.
    """

    uid: str
    title: str

    @property
    def path(self) -> str:
        """Its path below Grafana's own URL."""
        return f"/d/{self.uid}/{self.uid}"

    @property
    def solo_path(self) -> str:
        """The path by which one of its panels is shown alone; Grafana wants a second word there."""
        return f"/d-solo/{self.uid}/{self.uid}"


FOLDER = Name(uid="tstats", title="Traffic Control")

CDN = Name(uid="tstats-cdn", title="CDN overview")
CACHE_GROUP = Name(uid="tstats-cache-group", title="Cache group")
DELIVERY_SERVICE = Name(uid="tstats-delivery-service", title="Delivery service")
SERVER = Name(uid="tstats-server", title="Server")
DAILY = Name(uid="tstats-daily", title="Daily summary")
ITSELF = Name(uid="tstats-itself", title="tstats itself")

# Panels that Traffic Ops' parameters point at, by the number in their dashboard.
CDN_BANDWIDTH_PANEL = 4
CDN_CONNECTIONS_PANEL = 5
DAILY_MAXIMUM_PANEL = 3
DAILY_SERVED_PANEL = 4
