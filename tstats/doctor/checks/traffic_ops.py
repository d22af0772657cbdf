"""The checks of Traffic Ops: that it answers, accepts the login, and knows what to collect."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from tstats import catalog
from tstats.collect.inventory import InventoryFile
from tstats.core.model import Rollup
from tstats.doctor.diagnosis import Finding, format_count, format_names
from tstats.doctor.examine import Check
from tstats.errors import RefusedError
from tstats.traffic_control.inventory import MONITOR_TYPE, Inventory
from tstats.traffic_control.traffic_ops import TrafficOps
from tstats.transport.server_clock import seconds_ahead

_REACH = (
    "check that Traffic Ops is running and toUrl is right; until then tstats collect uses the inventory it"
    " saved"
)
_PARAMETERS = {catalog.CACHE_STATS: "CacheStats", catalog.DELIVERYSERVICE_STATS: "DsStats"}


@dataclass(slots=True, kw_only=True)
class ExaminedTrafficOps:
    """Traffic Ops, and the inventory once it is known.

    Attributes:
        session: not logged in yet.
        verify: how its certificate is verified, as `requests` takes it.
        seconds: the time limit of one answer.
        saved: the inventory that the collector saved.
        inventory: that of Traffic Ops, once the check of it has passed.
    """

    session: TrafficOps
    verify: bool | str
    seconds: float
    saved: InventoryFile
    inventory: Inventory | None = None

    def known_inventory(self) -> Inventory | None:
        """Return the inventory of Traffic Ops, or else the saved one, which the collector goes on with."""
        saved = self.saved.load()
        return self.inventory or (saved[0] if saved else None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrafficOpsCheck(Check):
    """A check of Traffic Ops."""

    area: str = "Traffic Ops"
    remedy: str = _REACH
    examined: ExaminedTrafficOps


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrafficOpsReachableCheck(TrafficOpsCheck):
    """The connection to Traffic Ops."""

    name: str = "reachable"

    def look(self) -> Iterator[Finding]:
        """Check that it answers, over a connection that keeps the password secret."""
        url = self.examined.session.url
        try:
            seconds_ahead(url, seconds=self.examined.seconds, verify=self.examined.verify)
        except RefusedError as error:
            remedy = "set toCaCert to the CA certificate that signed its certificate; toInsecure trusts any"
            yield self.wrong(str(error), remedy)
            return
        if not self.examined.verify:
            remedy = "set toCaCert to the CA certificate that signed it, and remove toInsecure"
            yield self.warning(f"{url} answers; its certificate is not verified (toInsecure)", remedy)
        elif url.startswith("http://") and not is_loopback(url):
            text = f"{url} answers without TLS: the password of toUser is sent in clear text"
            yield self.warning(text, "use https:// in toUrl")
        else:
            yield self.ok(f"{url} answers")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrafficOpsLoginCheck(TrafficOpsCheck):
    """The login to Traffic Ops as `user`."""

    name: str = "login"
    user: str

    def look(self) -> Iterator[Finding]:
        """Check that it is accepted."""
        try:
            version = self.examined.session.login()
        except RefusedError as error:
            yield self.wrong(str(error), "check toUser and toPasswd (or toPasswdFile)")
        else:
            yield self.ok(f"as {self.user!r}, with API {version}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InventoryCheck(TrafficOpsCheck):
    """The servers that Traffic Ops lists; the monitors are those with `status`."""

    name: str = "inventory"
    status: str

    def look(self) -> Iterator[Finding]:
        """Check that there are monitors to poll and that all servers are complete."""
        inventory = self.examined.session.inventory(self.status)
        self.examined.inventory = inventory
        servers = format_count(len(inventory.caches), "server")
        monitors = format_count(sum(map(len, inventory.monitors.values())), "monitor")
        text = f"{servers}, {monitors} in {format_count(len(inventory.monitors), 'CDN')}"
        problems = inventory.problems
        if not inventory.monitors:
            text = f"no server of type {MONITOR_TYPE} has the status {self.status}, so nothing is polled"
            remedy = "set statusToMon to the status of your monitors, or change their status in Traffic Ops"
            yield self.wrong(text, remedy, problems)
        elif problems:
            remedy = "complete these servers in Traffic Ops"
            yield self.warning(f"{text}; {format_names(problems)}", remedy, problems)
        else:
            yield self.ok(text)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParametersCheck(TrafficOpsCheck):
    """The parameters by which Traffic Ops names the stats to poll."""

    name: str = "parameters"
    remedy: str = "add these parameters to the profile TRAFFIC_STATS in Traffic Ops"

    def look(self) -> Iterator[Finding]:
        """Check that they name every stat that a rollup is computed from."""
        inventory = self.examined.inventory
        if inventory is None:
            return
        stats = {
            catalog.CACHE_STATS: inventory.cache_stats,
            catalog.DELIVERYSERVICE_STATS: inventory.ds_stats,
        }
        missing = [_PARAMETERS[database] for database, polled in stats.items() if not polled]
        if missing:
            names = " or ".join(missing)
            yield self.wrong(
                f"the profile TRAFFIC_STATS has no parameter {names}: those stats are not polled"
            )
            return
        unpolled = sorted({rollup.source for rollup in catalog.ROLLUPS if not _is_polled(rollup, stats)})
        text = ", ".join(f"{len(polled)} {_PARAMETERS[database]}" for database, polled in stats.items())
        if unpolled:
            text += f"; rollups and dashboards also need {format_names(unpolled)}"
            yield self.warning(text, details=unpolled)
        else:
            yield self.ok(text)


def _is_polled(rollup: Rollup, stats: Mapping[str, Sequence[str]]) -> bool:
    """Return whether the source of a rollup is polled: a parameter may name just a part of a stat."""
    if rollup.source_policy != catalog.DAILY:
        return True  # computed from another rollup
    return any(stat.replace("-", "_") in rollup.source for stat in stats[rollup.database])


def is_loopback(url: str) -> bool:
    """Return whether requests to a URL stay on this machine."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")
