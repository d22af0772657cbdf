"""The two feeds that a Traffic Monitor publishes, and the query that selects what is in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from urllib.parse import parse_qsl

import msgspec

from tstats.simulator.traffic import (
    SERVICE_STATS,
    CacheLoad,
    ServiceLoad,
    cache_load,
    cache_stats,
    noise_seed,
    service_loads,
    service_stats,
)
from tstats.simulator.world import Monitor, World

CACHE_FEED = "CacheStats"
DS_FEED = "DsStats"

POLL_MS = 5_000  # how often a monitor polls each cache
_FRESHEST_MS = 1_000  # the newest sample is at least this old, and at most POLL_MS older
_KEPT_SAMPLES = 20  # how many samples a monitor remembers; hc=0 asks for all of them
_ALWAYS_INCLUDED = frozenset({"speed", "inBytes", "outBytes"})
_PARAMETERS = {
    CACHE_FEED: frozenset({"hc", "stats", "wildcard", "type", "hosts"}),
    DS_FEED: frozenset({"hc", "stats", "wildcard", "type", "deliveryservices"}),
}


def unknown_parameter(feed: str, query: str) -> str | None:
    """Return the first parameter of `query` that `feed` does not know, or None."""
    known = _PARAMETERS[feed]
    return next((name for name, _ in parse_qsl(query, keep_blank_values=True) if name not in known), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedQuery:
    """What a client asks a feed for.

    Attributes:
        echo: the query as the response repeats it (`pp`).
        history: the number of samples of each stat, 1 to 20.
        stats: the names of the stats; None for all.
        wildcard: whether a name in `stats` may be a part of a stat's name.
        names: the names of the caches or delivery services; None for all.
        type: the type of the caches; empty for all.
    """

    echo: str
    history: int
    stats: tuple[str, ...] | None
    wildcard: bool
    names: frozenset[str] | None
    type: str

    @classmethod
    def parse(cls, query: str) -> Self:
        """Parse a query string; as in a real monitor, an `hc` that is not a number counts as 1."""
        pairs = parse_qsl(query, keep_blank_values=True)
        values = dict(reversed(pairs))  # of repeated parameters, the first counts
        try:
            history = int(values.get("hc", "1"))
        except ValueError:
            history = 1
        stats = values.get("stats")
        names = values.get("hosts") or values.get("deliveryservices")
        return cls(
            echo=", ".join(f"{name}=[{value}]" for name, value in pairs),
            history=min(history, _KEPT_SAMPLES) if history > 0 else _KEPT_SAMPLES,
            stats=None if stats is None else tuple(name for name in stats.split(",") if name),
            wildcard=values.get("wildcard", "") not in ("", "0"),
            names=frozenset(names.split(",")) if names else None,
            type=values.get("type", "").upper(),
        )

    def wants(self, stat: str) -> bool:
        """Return whether `stat` is asked for."""
        if self.stats is None:
            return True
        return stat in self.stats or (self.wildcard and any(part in stat for part in self.stats))

    def selects(self, name: str) -> bool:
        """Return whether the cache or delivery service of this name is asked for."""
        return self.names is None or name in self.names


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedBody:
    """A body in JSON; `newest_ms` is the time of its newest sample, 0 if it has none."""

    data: bytes
    newest_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeds:
    """The feeds of a monitor; the monitors of a CDN see the same traffic at different moments."""

    phase_ms: int
    caches: dict[str, tuple[str, CacheLoad]]
    services: dict[str, ServiceLoad]

    @classmethod
    def of(cls, world: World, monitor: Monitor) -> Self:
        """Return the feeds of a monitor of `world`."""
        cdn = world.cdn(monitor.cdn)
        return cls(
            phase_ms=noise_seed(world.seed, f"monitor/{monitor.name}") % POLL_MS,
            caches={cache.host: (cache.type, cache_load(world.seed, cache)) for cache in cdn.caches},
            services=service_loads(world.seed, cdn),
        )

    def body(self, feed: str, query: FeedQuery, now_ms: int) -> FeedBody:
        """Return the body of `feed` (`CACHE_FEED` or `DS_FEED`) as it is at `now_ms`."""
        make = self.cache_stats if feed == CACHE_FEED else self.ds_stats
        return make(query, now_ms)

    def cache_stats(self, query: FeedQuery, now_ms: int) -> FeedBody:
        """Return the CacheStats body; each cache is polled separately, so has its own sample times."""
        newest_ms = 0
        wanted: dict[str, bool] = {}
        caches: dict[str, object] = {}
        for host, (kind, load) in self.caches.items():
            if not query.selects(host) or (query.type and kind != query.type):
                continue
            times = self._sample_times(load.noise_seed, now_ms, query.history)
            newest_ms = max(newest_ms, times[0])
            samples = [cache_stats(load, time_ms) for time_ms in times]
            stats: dict[str, object] = {}
            for stat in samples[0]:
                if stat not in wanted:
                    wanted[stat] = stat in _ALWAYS_INCLUDED or query.wants(stat)
                if wanted[stat]:
                    stats[stat] = _with_spans([sample[stat] for sample in samples], times)
            caches[host] = stats
        body = {"pp": query.echo, "date": _date(now_ms), "caches": caches}
        return FeedBody(data=msgspec.json.encode(body), newest_ms=newest_ms)

    def ds_stats(self, query: FeedQuery, now_ms: int) -> FeedBody:
        """Return the DsStats body; all its values have the same times."""
        wanted = frozenset(stat for stat in SERVICE_STATS if query.wants(stat))
        times = self._sample_times(0, now_ms, query.history)
        services: dict[str, object] = {}
        for xml_id, load in self.services.items():
            if not wanted or not query.selects(xml_id):
                continue
            samples = [service_stats(load, time_ms, wanted) for time_ms in times]
            services[xml_id] = {
                stat: [
                    {"time": time_ms, "value": sample[stat]}
                    for time_ms, sample in zip(times, samples, strict=True)
                ]
                for stat in samples[0]
            }
        body = {"deliveryService": services, "pp": query.echo, "date": _date(now_ms)}
        return FeedBody(data=msgspec.json.encode(body), newest_ms=times[0] if services else 0)

    def _sample_times(self, offset: int, now_ms: int, count: int) -> list[int]:
        phase = (self.phase_ms + offset) % POLL_MS
        newest = (now_ms - _FRESHEST_MS - phase) // POLL_MS * POLL_MS + phase
        return [newest - POLL_MS * age for age in range(count)]


def _with_spans(values: Sequence[str], times: Sequence[int]) -> list[dict[str, str | int]]:
    """Merge equal neighbours (newest first) into one with the newest time and a span, as monitors do."""
    joined: list[dict[str, str | int]] = []
    span = 0
    for value, time_ms in zip(values, times, strict=True):
        if joined and joined[-1]["value"] == value:
            span += 1
            joined[-1]["span"] = span
        else:
            span = 1
            joined.append({"value": value, "time": time_ms, "span": span})
    return joined


def _date(now_ms: int) -> str:
    now = datetime.fromtimestamp(now_ms // 1000, UTC)
    return f"{now:%a %b} {now.day:2d} {now:%H:%M:%S} UTC {now.year}"
