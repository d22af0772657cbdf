"""The checks of the Traffic Monitors: each CDN has one that answers with fresh stats."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tstats.collect.feed import CacheFeed, DeliveryServiceFeed, Reading
from tstats.config.settings import Settings
from tstats.doctor.diagnosis import Finding, Verdict, age, counted, shown
from tstats.doctor.examine import Check, examine
from tstats.errors import TstatsError
from tstats.traffic_control.inventory import Inventory
from tstats.traffic_control.traffic_monitor import FEEDS, Feed, MonitorGroup

_AREA = "monitors"
_REACH = "is Traffic Monitor running there, and may this machine reach its port?"
_SHARE = 0.9  # of the time, for all monitors of a CDN
_SHORTEST_STALE = 60.0  # seconds
_BATCH = 10_000


@dataclass(slots=True, kw_only=True)
class _Seen:
    """What the monitors of one CDN gave: readings of the first that answered, reasons of the others."""

    readings: list[Reading] = field(default_factory=list)
    answered: int = 0
    reasons: list[str] = field(default_factory=list)


def monitors_check(
    settings: Settings,
    told: Callable[[], Inventory | None],
    *,
    after: Check,
    seconds: float,
    clock: Callable[[], float],
) -> Check:
    """The check that gives a finding for each CDN.

    Args:
        settings: the whole configuration.
        told: gives the inventory, None where there is none, once `after` has ended.
        after: the check of the inventory.
        seconds: for all of it.
        clock: seconds since the epoch.
    """

    def look() -> Iterator[Finding]:
        inventory = told()
        if inventory is None:
            yield check.finding(
                Verdict.NOT_CHECKED, "Traffic Ops told of no monitor, and no inventory is kept"
            )
            return
        checks = [
            _of_cdn(settings, inventory, cdn, seconds * _SHARE, clock) for cdn in sorted(inventory.monitors)
        ]
        yield from examine(checks, seconds=seconds * _SHARE)

    check = Check(area=_AREA, name="by CDN", look=look, remedy=_REACH, after=[after])
    return check


def _of_cdn(
    settings: Settings, inventory: Inventory, cdn: str, seconds: float, clock: Callable[[], float]
) -> Check:
    def look() -> Iterator[Finding]:
        urls = inventory.monitors[cdn]
        share = min(settings.polling_interval, seconds * _SHARE) / len(urls)
        yield _judged(check, settings, len(urls), _asked(inventory, cdn, share), clock())

    check = Check(area=_AREA, name=cdn, look=look, remedy=_REACH)
    return check


def _asked(inventory: Inventory, cdn: str, seconds: float) -> _Seen:
    """Ask every monitor of a CDN for both feeds, as a poll does."""
    seen = _Seen()
    for url in inventory.monitors[cdn]:
        try:
            readings = list(_readings(inventory, cdn, url, seconds))
        except TstatsError as error:
            seen.reasons.append(str(error))
            continue
        seen.answered += 1
        seen.readings = seen.readings or readings
    return seen


def _readings(inventory: Inventory, cdn: str, url: str, seconds: float) -> Iterator[Reading]:
    """What both feeds of a monitor give; raises a TstatsError where one gives nothing in time."""
    deadline = time.monotonic() + seconds
    stats: dict[Feed, list[str]] = {"CacheStats": inventory.cache_stats, "DsStats": inventory.ds_stats}
    for feed in FEEDS:
        if stats[feed]:
            reader = CacheFeed(cdn, inventory.caches) if feed == "CacheStats" else DeliveryServiceFeed(cdn)
            yield _reading(url, feed, stats[feed], reader, max(0.1, deadline - time.monotonic()))


def _reading(
    url: str, feed: Feed, stats: Sequence[str], reader: CacheFeed | DeliveryServiceFeed, seconds: float
) -> Reading:
    reasons: list[str] = []
    group = MonitorGroup([url], feed=feed, stats=stats, on_failed=lambda _url, why: reasons.append(why))
    try:
        return group.ask(lambda body: reader.read(body, oldest=0, most=_BATCH), seconds=seconds)[1]
    except TstatsError as error:
        raise TstatsError(next(iter(reasons), str(error))) from error
    finally:
        group.close()


def _judged(check: Check, settings: Settings, monitors: int, seen: _Seen, now: float) -> Finding:
    if not seen.answered:
        text = f"none of {counted(monitors, 'monitor')} answers: {shown(seen.reasons, most=1)}"
        return check.finding(Verdict.WRONG, text, _REACH, seen.reasons)
    points = sum(reading.points for reading in seen.readings)
    newest = max((reading.newest for reading in seen.readings), default=0)
    bad = sum(reading.dropped.total() for reading in seen.readings)
    unknown = sorted(set().union(*(reading.unknown for reading in seen.readings)))
    text = f"{seen.answered} of {counted(monitors, 'monitor')} answers"
    if not points:
        remedy = "does it poll any cache? Its log, and the status of the caches in Traffic Ops, say more"
        return check.finding(
            Verdict.WRONG, f"{text}, without any stat that can be used", remedy, seen.reasons
        )
    old = max(0.0, now - newest / 1000)
    text += f": {counted(points, 'stat')}, the newest {age(old)} old"
    if bad:
        text += f", {bad:,} left out as no numbers"
    examples = [example for reading in seen.readings for example in reading.examples]
    details = [*seen.reasons, *examples]
    if old > max(_SHORTEST_STALE, 6.0 * settings.polling_interval):
        remedy = "the monitor shows old values: does it still poll the caches? Are the clocks right (below)?"
        return check.finding(Verdict.WRONG, text, remedy, details)
    if seen.reasons:
        return check.finding(Verdict.WARNING, f"{text}; {shown(seen.reasons, most=1)}", _REACH, details)
    if unknown:
        text = f"{text}; Traffic Ops does not know {shown(unknown)}"
        remedy = (
            "their points lack cachegroup and type: add them in Traffic Ops, or take them out of the monitor"
        )
        return check.finding(Verdict.WARNING, text, remedy, [*details, *unknown])
    return check.finding(Verdict.OK, text, details=details)
