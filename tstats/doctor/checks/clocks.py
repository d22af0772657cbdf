"""The check of the clocks: those of the servers against that of this machine."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from tstats.core.time import SECOND
from tstats.doctor.diagnosis import Finding, Verdict, format_age, format_count, format_names, grade, worst
from tstats.doctor.examine import Check, NotCheckedError, examine
from tstats.traffic_control.inventory import Inventory
from tstats.transport.server_clock import seconds_ahead

_AREA = "clocks"
_WARNING, _WRONG = 5 * SECOND, 60 * SECOND
_SAME = 2_500_000_000  # ns; as far as Date headers tell, clocks this close together agree
_NTP = "(timedatectl, chronyc tracking)"
_SYNCHRONIZE = f"synchronize the clocks of these machines with NTP {_NTP}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClocksCheck(Check):
    """The clocks of all servers; one that does not answer has a check of its own, and is left out.

    Attributes:
        servers: their URLs, with how certificates are verified, as `requests` takes it.
        known_inventory: returns the inventory, which has the monitors; called once `after` has finished.
        seconds: the time limit of all of it.
        clock: that of this machine; returns ns since the epoch.
    """

    area: str = _AREA
    name: str = "offset"
    remedy: str = _SYNCHRONIZE
    servers: Mapping[str, bool | str]
    known_inventory: Callable[[], Inventory | None]
    seconds: float
    clock: Callable[[], int]

    def look(self) -> Iterator[Finding]:
        """Check that they agree with that of this machine."""
        inventory = self.known_inventory()
        monitors = [url for urls in inventory.monitors.values() for url in urls] if inventory else []
        offsets: dict[str, int] = {}
        checks = [
            ServerClockCheck(
                name=url, verify=verify, seconds=self.seconds / 2, clock=self.clock, offsets=offsets
            )
            for url, verify in {**self.servers, **dict.fromkeys(monitors, True)}.items()
        ]
        examine(checks, seconds=self.seconds * 0.9)
        yield self._judge(dict(offsets))

    def _judge(self, offsets: Mapping[str, int]) -> Finding:
        """Return the finding on how many ns each clock is ahead of that of this machine."""
        if not offsets:
            raise NotCheckedError("no server sent its time")
        details = [f"{url}: {_format_offset(offset)}" for url, offset in offsets.items()]
        verdicts = {
            url: grade(abs(offset), warning=_WARNING, wrong=_WRONG) for url, offset in offsets.items()
        }
        verdict = worst(verdicts.values())
        servers = format_count(len(offsets), "server")
        if verdict is Verdict.OK:
            most = max(map(abs, offsets.values())) / SECOND
            return self.ok(f"{servers}, within {most:.1f} s of this machine's clock", details)
        if len(offsets) > 1 and max(offsets.values()) - min(offsets.values()) < _SAME:
            nearest = _format_offset(min(offsets.values(), key=abs))
            remedy = f"this machine's clock is wrong: synchronize it with NTP {_NTP}"
            return self.finding(verdict, f"all {servers} agree and are {nearest}", remedy, details)
        apart = [
            f"{url} is {_format_offset(offset)}"
            for url, offset in offsets.items()
            if verdicts[url] is not Verdict.OK
        ]
        return self.finding(verdict, format_names(apart), details=details)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ServerClockCheck(Check):
    """The clock of one server, whose URL is the name of the check.

    Attributes:
        verify, seconds, clock: as `ClocksCheck` has them.
        offsets: takes the ns by which it is ahead, by URL.
    """

    area: str = _AREA
    remedy: str = _SYNCHRONIZE
    verify: bool | str
    seconds: float
    clock: Callable[[], int]
    offsets: dict[str, int]

    def look(self) -> Iterable[Finding]:
        """Read it from the Date header of any answer; there is no finding."""
        ahead = seconds_ahead(
            self.name, seconds=self.seconds, verify=self.verify, clock=lambda: self.clock() / SECOND
        )
        if ahead is not None:
            self.offsets[self.name] = round(ahead * SECOND)
        return ()


def _format_offset(offset: int) -> str:
    return f"{format_age(abs(offset))} {'ahead of' if offset > 0 else 'behind'} this machine"
