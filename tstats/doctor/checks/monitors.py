"""The checks of the Traffic Monitors: every CDN has one that answers with fresh stats."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tstats.collect.feed import CacheFeed, DeliveryServiceFeed, Reading
from tstats.core.time import MILLISECOND, MINUTE, SECOND
from tstats.doctor.diagnosis import Finding, format_age, format_count, format_names
from tstats.doctor.examine import Check, NotCheckedError, examine
from tstats.errors import TstatsError
from tstats.traffic_control.inventory import Inventory
from tstats.traffic_control.traffic_monitor import FEEDS, Feed, MonitorGroup

_AREA = "monitors"
_REACH = "check that Traffic Monitor is running there and that this machine can reach its port"
_SHARE = 0.9  # of the time limit, for what runs within it
_SHORTEST_STALE = MINUTE
_BATCH = 10_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MonitorsCheck(Check):
    """The monitors of every CDN.

    Attributes:
        known_inventory: returns the inventory, None if there is none; called once `after` has finished.
        polling_interval: in ns.
        seconds: the time limit of all of it.
        clock: returns ns since the epoch.
    """

    area: str = _AREA
    name: str = "by CDN"
    remedy: str = _REACH
    known_inventory: Callable[[], Inventory | None]
    polling_interval: int
    seconds: float
    clock: Callable[[], int]

    def look(self) -> Iterator[Finding]:
        """Check the monitors of each CDN side by side."""
        inventory = self.known_inventory()
        if inventory is None:
            raise NotCheckedError("Traffic Ops named no monitors, and the collector has saved no inventory")
        seconds = self.seconds * _SHARE
        checks = [
            CdnMonitorsCheck(
                name=cdn,
                inventory=inventory,
                polling_interval=self.polling_interval,
                seconds=seconds * _SHARE,
                clock=self.clock,
            )
            for cdn in sorted(inventory.monitors)
        ]
        yield from examine(checks, seconds=seconds)


@dataclass(slots=True, kw_only=True)
class _MonitorAnswers:
    """What the monitors of a CDN answered.

    Attributes:
        readings: of the first monitor that answered.
        answered: how many did.
        failures: why the others did not.
    """

    readings: list[Reading] = field(default_factory=list)
    answered: int = 0
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CdnMonitorsCheck(Check):
    """The monitors of one CDN, which is the name of the check; attributes are those of `MonitorsCheck`."""

    area: str = _AREA
    remedy: str = _REACH
    inventory: Inventory
    polling_interval: int
    seconds: float
    clock: Callable[[], int]

    def look(self) -> Iterator[Finding]:
        """Check that all answer, with fresh stats of known caches."""
        monitors = self.inventory.monitors[self.name]
        seconds = min(self.polling_interval / SECOND, self.seconds * _SHARE) / len(monitors)
        answers = _ask(self.inventory, self.name, seconds)
        total = format_count(len(monitors), "monitor")
        if answers.answered:
            yield self._judge(answers, f"{answers.answered} of {total} answered")
        else:
            text = f"none of {total} answered: {format_names(answers.failures, most=1)}"
            yield self.wrong(text, details=answers.failures)

    def _judge(self, answers: _MonitorAnswers, text: str) -> Finding:
        """Return the finding on the stats of the monitors; `text` says how many answered."""
        readings, failures = answers.readings, answers.failures
        points = sum(reading.points for reading in readings)
        if not points:
            remedy = "check that it polls caches: see its log, and the status of the caches in Traffic Ops"
            return self.wrong(f"{text}, with no usable stats", remedy, failures)
        newest = max(reading.newest for reading in readings) * MILLISECOND
        age = max(0, self.clock() - newest)
        text += f": {format_count(points, 'stat')}, the newest {format_age(age)} old"
        dropped = sum(reading.dropped.total() for reading in readings)
        if dropped:
            text += f", {dropped:,} unusable"
        details = [*failures, *(example for reading in readings for example in reading.examples)]
        if age > max(_SHORTEST_STALE, 6 * self.polling_interval):
            remedy = "check that the monitor still polls its caches, and that the clocks agree (see below)"
            return self.wrong(text, remedy, details)
        if failures:
            return self.warning(f"{text}; {format_names(failures, most=1)}", details=details)
        unknown = sorted(set[str]().union(*(reading.unknown for reading in readings)))
        if unknown:
            text += f"; Traffic Ops does not know {format_names(unknown)}"
            remedy = (
                "their points lack cachegroup and type: add them to Traffic Ops, or remove them from the"
                " monitor"
            )
            return self.warning(text, remedy, [*details, *unknown])
        return self.ok(text, details)


def _ask(inventory: Inventory, cdn: str, seconds: float) -> _MonitorAnswers:
    """Ask every monitor of a CDN for both feeds, as a poll does; each has that many seconds."""
    answers = _MonitorAnswers()
    for url in inventory.monitors[cdn]:
        try:
            readings = list(_read(inventory, cdn, url, seconds))
        except TstatsError as error:
            answers.failures.append(str(error))
            continue
        answers.answered += 1
        answers.readings = answers.readings or readings
    return answers


def _read(inventory: Inventory, cdn: str, url: str, seconds: float) -> Iterator[Reading]:
    """Yield what both feeds of a monitor hold; raise a TstatsError if one does not come in time."""
    deadline = time.monotonic() + seconds
    stats: dict[Feed, list[str]] = {"CacheStats": inventory.cache_stats, "DsStats": inventory.ds_stats}
    for feed in FEEDS:
        if stats[feed]:
            reader = CacheFeed(cdn, inventory.caches) if feed == "CacheStats" else DeliveryServiceFeed(cdn)
            yield _read_feed(url, feed, stats[feed], reader, max(0.1, deadline - time.monotonic()))


def _read_feed(
    url: str, feed: Feed, stats: Sequence[str], reader: CacheFeed | DeliveryServiceFeed, seconds: float
) -> Reading:
    failures: list[str] = []
    group = MonitorGroup([url], feed=feed, stats=stats, on_failed=lambda _url, why: failures.append(why))
    try:
        return group.ask(lambda body: reader.read(body, oldest=0, most=_BATCH), seconds=seconds)[1]
    except TstatsError as error:
        raise TstatsError(next(iter(failures), str(error))) from error
    finally:
        group.close()
