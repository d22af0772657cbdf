"""The checks of Traffic Ops: that it answers, lets us in, and knows what to collect."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from tstats import catalog
from tstats.config.settings import Settings
from tstats.core.model import Rollup
from tstats.doctor.diagnosis import Finding, Verdict, counted, shown
from tstats.doctor.examine import Check
from tstats.errors import RefusedError
from tstats.traffic_control.inventory import MONITOR_TYPE, Inventory
from tstats.traffic_control.traffic_ops import TrafficOps
from tstats.transport.server_clock import seconds_ahead

_AREA = "Traffic Ops"
_REACH = "is Traffic Ops running, and toUrl right? tstats collect goes on with the inventory that it has kept"


@dataclass(slots=True, kw_only=True)
class TrafficOpsChecks:
    """Traffic Ops, and what it told.

    Attributes:
        settings: the whole configuration.
        session: not begun yet.
        seconds: for one answer.
        inventory: what it told, once the check of that name has passed.
    """

    settings: Settings
    session: TrafficOps
    seconds: float
    inventory: Inventory | None = None

    def checks(self) -> list[Check]:
        """All of them, each after those that it needs; the one named `inventory` is the third."""
        reachable = self._check("reachable", self._reachable, _REACH)
        login = self._check("login", self._login, _REACH, reachable)
        inventory = self._check("inventory", self._inventory, _REACH, login)
        parameters = self._check("parameters", self._parameters, _REACH, inventory)
        return [reachable, login, inventory, parameters]

    def _check(
        self, name: str, look: Callable[[Check], Iterator[Finding]], remedy: str, *needs: Check
    ) -> Check:
        made = Check(area=_AREA, name=name, look=lambda: look(made), remedy=remedy, needs=needs)
        return made

    def _reachable(self, check: Check) -> Iterator[Finding]:
        url = self.session.url
        try:
            seconds_ahead(url, seconds=self.seconds, verify=verification(self.settings))
        except RefusedError as error:
            remedy = "name the certificate that signed its own in toCaCert; toInsecure trusts any"
            yield check.finding(Verdict.WRONG, str(error), remedy)
            return
        if self.settings.to_insecure:
            yield check.finding(
                Verdict.WARNING,
                f"{url} answers; its certificate is not verified (toInsecure)",
                "name the certificate that signed its own in toCaCert, and remove toInsecure",
            )
        elif url.startswith("http://") and not is_loopback(url):
            text = f"{url} answers, without TLS: the password of toUser crosses the network in clear"
            yield check.finding(Verdict.WARNING, text, "use https:// in toUrl")
        else:
            yield check.finding(Verdict.OK, f"{url} answers")

    def _login(self, check: Check) -> Iterator[Finding]:
        try:
            version = self.session.login()
        except RefusedError as error:
            remedy = "check toUser and toPasswd (or toPasswdFile)"
            yield check.finding(Verdict.WRONG, str(error), remedy)
        else:
            yield check.finding(Verdict.OK, f"as {self.settings.to_user!r}, by API {version}")

    def _inventory(self, check: Check) -> Iterator[Finding]:
        status = self.settings.status_to_mon
        found = self.session.inventory(status)
        self.inventory = found
        monitors = sum(map(len, found.monitors.values()))
        text = (
            f"{counted(len(found.caches), 'server')}, {counted(monitors, 'monitor')}"
            f" of {counted(len(found.monitors), 'CDN')}"
        )
        if not found.monitors:
            text = f"no server of type {MONITOR_TYPE} has the status {status}, so nothing is polled"
            remedy = "set statusToMon to the status of your monitors, or their status in Traffic Ops"
            yield check.finding(Verdict.WRONG, text, remedy, found.problems)
        elif found.problems:
            remedy = "complete these servers in Traffic Ops"
            yield check.finding(Verdict.WARNING, f"{text}; {shown(found.problems)}", remedy, found.problems)
        else:
            yield check.finding(Verdict.OK, text)

    def _parameters(self, check: Check) -> Iterator[Finding]:
        if self.inventory is None:
            return
        stats = {catalog.CACHE_STATS: self.inventory.cache_stats}
        stats[catalog.DELIVERYSERVICE_STATS] = self.inventory.ds_stats
        names = {catalog.CACHE_STATS: "CacheStats", catalog.DELIVERYSERVICE_STATS: "DsStats"}
        none = [names[database] for database, asked in stats.items() if not asked]
        remedy = "give the profile TRAFFIC_STATS these parameters in Traffic Ops"
        if none:
            text = (
                f"the profile TRAFFIC_STATS has no parameter {' or '.join(none)}: such stats are not polled"
            )
            yield check.finding(Verdict.WRONG, text, remedy)
            return
        unasked = sorted({rollup.source for rollup in catalog.ROLLUPS if not _is_asked(rollup, stats)})
        text = ", ".join(f"{len(asked)} {names[database]}" for database, asked in stats.items())
        if unasked:
            text += f"; rollups and dashboards need {shown(unasked)}, too"
            yield check.finding(Verdict.WARNING, text, remedy, unasked)
        else:
            yield check.finding(Verdict.OK, text)


def _is_asked(rollup: Rollup, stats: dict[str, list[str]]) -> bool:
    """Whether a monitor is asked for the source of a rollup: it takes a stat's name as a part of one."""
    if rollup.source_policy != catalog.DAILY:
        return True  # made from another rollup
    return any(stat.replace("-", "_") in rollup.source for stat in stats[rollup.database])


def verification(settings: Settings) -> bool | str:
    """How the certificate of Traffic Ops is verified, as `requests` takes it."""
    return not settings.to_insecure and (settings.to_ca_cert or True)


def is_loopback(url: str) -> bool:
    """Whether nothing that goes to a URL leaves this machine."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")
