"""Traffic of a small CDN as the rollups hold it, with daily curves, written all at once."""

import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tstats import catalog
from tstats.core.time import DAY, HOUR, MINUTE
from tstats.influx.client import Influx

WEEK = 7 * DAY
_BODY = 20_000  # points


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """A cache; `line` is the capacity of its line in kbps."""

    cdn: str
    cachegroup: str
    hostname: str
    type: str
    line: int = 20_000_000

    @property
    def tags(self) -> str:
        return f"cachegroup={self.cachegroup},cdn={self.cdn},hostname={self.hostname},type={self.type}"


def caches(groups: Iterable[str], *, each: int) -> list[Cache]:
    """Return `each` edge caches and one mid cache per group; the last group belongs to another CDN."""
    names = list(groups)
    found = []
    for group in names:
        cdn = "video" if group == names[-1] and len(names) > 1 else "web"
        found += [
            Cache(cdn=cdn, cachegroup=group, hostname=f"edge-{group}-{number:02}", type="EDGE")
            for number in range(1, each + 1)
        ]
        found.append(Cache(cdn=cdn, cachegroup=group, hostname=f"mid-{group}-01", type="MID"))
    return found


class Traffic:
    """Values per minute, always the same for the same minute.

    Args:
        every: the caches.
        services: the CDN of each delivery service by xmlId, and its share of that CDN's traffic.
        silent: a cache without points since `silent_since`, in ns.
        failing: a delivery service with errors since then.
    """

    def __init__(
        self,
        every: list[Cache],
        services: dict[str, tuple[str, float]],
        *,
        silent: str = "",
        silent_since: int = 0,
        failing: str = "",
    ) -> None:
        self._caches = every
        self._services = services
        self._silent = silent
        self._silent_since = silent_since
        self._failing = failing
        self._own = {cache.hostname: 0.55 + random.Random(cache.hostname).random() * 0.4 for cache in every}

    def write(self, influx: Influx, minutes: Iterable[int], *, details: bool) -> None:
        """Write the one-minute rollups of these minutes (in ns); without details, only whole CDNs."""
        of_caches: list[str] = []
        of_services: list[str] = []
        for minute in minutes:
            of_caches += self._cdns(minute, details=details)
            of_services += self._delivery_services(minute, details=details)
        for database, lines in (
            (catalog.CACHE_STATS, of_caches),
            (catalog.DELIVERYSERVICE_STATS, of_services),
        ):
            for start in range(0, len(lines), _BODY):
                body = "\n".join(lines[start : start + _BODY]).encode()
                influx.write(body, database=database, policy=catalog.MONTHLY)

    def write_now(self, influx: Influx, moment: int) -> None:
        """Write the newest raw points, as a poll would."""
        raw = [
            f"bandwidth,{cache.tags} value={self._kbps(cache, moment):.0f} {moment}" for cache in self._caches
        ]
        raw += [f"maxKbps,{cache.tags} value={cache.line} {moment}" for cache in self._caches]
        raw += [
            f"{catalog.CONNECTIONS_SOURCE},{cache.tags} value={self._kbps(cache, moment) / 900:.0f} {moment}"
            for cache in self._caches
        ]
        influx.write("\n".join(raw).encode(), database=catalog.CACHE_STATS, policy=catalog.DAILY)
        kbps = [
            f"{stat},cachegroup=total,cdn={cdn},deliveryservice={name} value=1 {moment}"
            for name, (cdn, _) in self._services.items()
            for stat in ("kbps", "tps_total", "tps_2xx", "tps_5xx")
        ]
        influx.write("\n".join(kbps).encode(), database=catalog.DELIVERYSERVICE_STATS, policy=catalog.DAILY)

    def write_days(self, influx: Influx, midnight: int, count: int) -> None:
        """Write the summaries of the `count` days before `midnight`, in ns."""
        lines = []
        for back in range(1, count + 1):
            day = midnight - back * DAY
            for cdn in {cache.cdn for cache in self._caches}:
                hourly = [self._total(cdn, day + hour * HOUR) for hour in range(24)]
                growth = 1 - back / 900
                peak, served = max(hourly) / 1e6 * growth, sum(hourly) * 3600 / 8e9 * growth
                tags = f"cdn={cdn},deliveryservice=all"
                lines.append(f"daily_maxgbps,{tags} value={peak} {day + 20 * HOUR}")
                lines.append(f"daily_bytesserved,{tags} value={served} {day}")
        influx.write("\n".join(lines).encode(), database=catalog.DAILY_STATS, policy=catalog.INDEFINITE)

    def _cdns(self, minute: int, *, details: bool) -> Iterator[str]:
        kinds: dict[tuple[str, str], float] = {}
        lines: dict[str, int] = {}
        for cache in self._caches:
            if cache.hostname == self._silent and minute >= self._silent_since:
                continue
            kbps = self._kbps(cache, minute)
            key = (cache.cdn, cache.type)
            kinds[key] = kinds.get(key, 0.0) + kbps
            lines[cache.cdn] = lines.get(cache.cdn, 0) + cache.line
            if details:
                yield f"bandwidth.1min,{cache.tags} value={kbps} {minute}"
                yield f"connections.1min,{cache.tags} value={kbps / 900} {minute}"
                yield f"maxkbps.1min,{cache.tags} value={cache.line} {minute}"
                wraps = (minute // HOUR) % 5_000
                fields = f"vol1_wrap_count={wraps},vol2_wrap_count={wraps * 0.9}"
                yield f"wrap_count.1min,{cache.tags} {fields} {minute}"
        for (cdn, kind), kbps in kinds.items():
            yield f"bandwidth.cdn.type.1min,cdn={cdn},type={kind} value={kbps} {minute}"
            yield f"connections.cdn.type.1min,cdn={cdn},type={kind} value={kbps / 900} {minute}"
        for cdn, line in lines.items():
            kbps = sum(value for (of, _), value in kinds.items() if of == cdn)
            yield f"bandwidth.cdn.1min,cdn={cdn} value={kbps} {minute}"
            yield f"connections.cdn.1min,cdn={cdn} value={kbps / 900} {minute}"
            yield f"maxkbps.cdn.1min,cdn={cdn} value={line} {minute}"

    def _delivery_services(self, minute: int, *, details: bool) -> Iterator[str]:
        for name, (cdn, part) in self._services.items():
            kbps = self._total(cdn, minute) * part
            tags = f"cdn={cdn},deliveryservice={name}"
            yield f"kbps.ds.1min,cachegroup=total,{tags} value={kbps} {minute}"
            if not details:
                continue
            total = kbps / 2_500
            burst = name == self._failing and minute >= self._silent_since
            errors = total * (0.031 if burst else 0.001)
            shares = {"2xx": 0.93, "3xx": 0.05, "4xx": 0.015}
            yield f"tps_total.ds.1min,cachegroup=total,{tags} value={total} {minute}"
            for status, share in shares.items():
                yield f"tps_{status}.ds.1min,cachegroup=total,{tags} value={total * share} {minute}"
            yield f"tps_5xx.ds.1min,cachegroup=total,{tags} value={errors} {minute}"
            groups = sorted({cache.cachegroup for cache in self._caches if cache.cdn == cdn})
            for number, group in enumerate(groups):
                share = (number + 1) / sum(range(len(groups) + 1))
                yield f"kbps.cg.1min,cachegroup={group},{tags} value={kbps * share} {minute}"

    def _total(self, cdn: str, moment: int) -> float:
        return sum(self._kbps(cache, moment) for cache in self._caches if cache.cdn == cdn)

    def _kbps(self, cache: Cache, moment: int) -> float:
        """Return the traffic of a cache: busy in the evening, quiet at night, a tenth on a mid cache."""
        hour = moment / HOUR % 24
        evening = (hour - 20 + 12) % 24 - 12
        daily = 0.24 + 0.58 * math.exp(-(evening**2) / 18)
        daily += 0.22 * math.exp(-((hour - 13) ** 2) / 20)
        weekly = 0.94 if (moment // DAY) % 7 in (2, 3) else 1.0
        older = 0.93 if moment < self._silent_since - 5 * DAY else 1.0
        noise = 1 + random.Random(f"{cache.hostname}{moment // MINUTE}").uniform(-0.02, 0.02)
        share = 0.1 if cache.type == "MID" else 1.0
        return cache.line * self._own[cache.hostname] * daily * weekly * older * noise * share
