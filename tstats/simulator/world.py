"""What exists in the simulated CDNs: caches, delivery services, monitors, and the stats to collect."""

import random
from dataclasses import dataclass
from typing import Self

from tstats.errors import TstatsError

EDGE = "EDGE"
MID = "MID"

CACHE_STATS = (
    "bandwidth",
    "maxKbps",
    "ats.proxy.process.http.current_client_connections",
    "ats.proxy.process.cache.volume_1.wrap_count",
    "ats.proxy.process.cache.volume_2.wrap_count",
    "ats.proxy.process.ssl.cipher.user_agent.ECDHE-RSA-AES128-GCM-SHA256",
)
DS_STATS = ("kbps", "tps_2xx", "status_4xx", "status_5xx", "tps_3xx", "tps_4xx", "tps_5xx", "tps_total")

_SPEEDS_MBPS = (10_000, 20_000, 20_000, 40_000, 100_000)
_SERVICE_KINDS = (
    ("live", "HTTP_LIVE"),
    ("vod", "HTTP"),
    ("images", "DNS"),
    ("sports", "HTTP_LIVE"),
    ("apps", "HTTP"),
)
_EVERY_MID = 5  # every fifth cache is a MID, every fifth cachegroup a parent
_ADMIN_DOWN = 3  # the position of the cache that is ADMIN_DOWN; monitors keep polling it
_FAILING = 1  # the position, in the first CDN, of the cache that stops serving now and then
_FEWEST_WITH_FAILING = 3  # in a smaller CDN, the failing cache would carry most of the traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheServer:
    """A cache server.

    Attributes:
        host: its host name.
        cdn: the name of its CDN.
        cachegroup: the name of its cachegroup.
        type: `EDGE` or `MID`.
        status: REPORTED or ADMIN_DOWN (polled by the monitors) or OFFLINE (in the inventory only).
        speed_mbps: the speed of its interface.
        failing: whether its bandwidth drops to 0 now and then.
    """

    host: str
    cdn: str
    cachegroup: str
    type: str
    status: str
    speed_mbps: int
    failing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryService:
    """A delivery service; `size` (> 0) is its share of the CDN's traffic relative to the others."""

    xml_id: str
    cdn: str
    type: str
    size: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """A Traffic Monitor; its name is unique in the world and identifies it in `Faults` and in the log."""

    name: str
    cdn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cdn:
    """A CDN.

    Attributes:
        name: its name.
        domain: its domain name.
        caches: the caches that its monitors report.
        offline_cache: a cache that is OFFLINE in the inventory; no monitor reports it.
        delivery_services: its delivery services.
        monitors: its Traffic Monitors.
    """

    name: str
    domain: str
    caches: tuple[CacheServer, ...]
    offline_cache: CacheServer
    delivery_services: tuple[DeliveryService, ...]
    monitors: tuple[Monitor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All that the simulator knows; equal arguments of `build` give equal worlds.

    Attributes:
        seed: what the sizes and the traffic are derived from.
        cachegroups: the names of the cachegroups, which the CDNs share; every second one contains a dot,
            as real ones may.
        cdns: the CDNs.
        cache_stats: the values of the TRAFFIC_STATS parameters named CacheStats.
        ds_stats: the values of those named DsStats.
    """

    seed: int
    cachegroups: tuple[str, ...]
    cdns: tuple[Cdn, ...]
    cache_stats: tuple[str, ...] = CACHE_STATS
    ds_stats: tuple[str, ...] = DS_STATS

    @classmethod
    def build(
        cls,
        *,
        cdns: int = 2,
        caches: int = 12,
        delivery_services: int = 8,
        cachegroups: int = 6,
        monitors: int = 2,
        seed: int = 1,
    ) -> Self:
        """Build a world of this size; `caches`, `delivery_services` and `monitors` are per CDN.

        Raises:
            TstatsError: a count is below 1.
        """
        counts = {
            "cdns": cdns,
            "caches": caches,
            "delivery_services": delivery_services,
            "cachegroups": cachegroups,
            "monitors": monitors,
        }
        for name, count in counts.items():
            if count < 1:
                raise TstatsError(f"a simulated world needs at least 1 of {name}, not {count}")
        edge_groups, mid_groups = _cachegroups(cachegroups)
        return cls(
            seed=seed,
            cachegroups=tuple(dict.fromkeys((*edge_groups, *mid_groups))),
            cdns=tuple(
                Cdn(
                    name=f"cdn{number}",
                    domain=f"cdn{number}.example.net",
                    caches=_caches(f"cdn{number}", caches, edge_groups, mid_groups, seed),
                    offline_cache=CacheServer(
                        host=f"cdn{number}-edge-offline",
                        cdn=f"cdn{number}",
                        cachegroup=edge_groups[0],
                        type=EDGE,
                        status="OFFLINE",
                        speed_mbps=_SPEEDS_MBPS[0],
                    ),
                    delivery_services=_delivery_services(f"cdn{number}", delivery_services, seed),
                    monitors=tuple(
                        Monitor(name=f"cdn{number}-monitor-{position}", cdn=f"cdn{number}")
                        for position in range(1, monitors + 1)
                    ),
                )
                for number in range(1, cdns + 1)
            ),
        )

    @property
    def monitors(self) -> tuple[Monitor, ...]:
        """The monitors of all CDNs, in the order in which they get their ports."""
        return tuple(monitor for cdn in self.cdns for monitor in cdn.monitors)

    def cdn(self, name: str) -> Cdn:
        """Return the CDN of this name.

        Raises:
            KeyError: there is no such CDN.
        """
        for cdn in self.cdns:
            if cdn.name == name:
                return cdn
        raise KeyError(name)


def _cachegroups(count: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the groups of the EDGE and of the MID caches; a single group has both."""
    if count == 1:
        return ("east-01",), ("east-01",)
    mids = max(1, count // _EVERY_MID)
    edges = tuple(
        f"west.edge-{number:02d}" if number % 2 == 0 else f"east-edge-{number:02d}"
        for number in range(1, count - mids + 1)
    )
    return edges, tuple(f"mid-{number:02d}" for number in range(1, mids + 1))


def _caches(
    cdn: str, count: int, edge_groups: tuple[str, ...], mid_groups: tuple[str, ...], seed: int
) -> tuple[CacheServer, ...]:
    chance = random.Random(f"{seed}/{cdn}/caches")  # noqa: S311 (made-up sizes, not secrets)
    caches = []
    edges = mids = 0
    for position in range(count):
        if position % _EVERY_MID == _EVERY_MID - 1:
            mids += 1
            host, group, kind = f"{cdn}-mid-{mids:03d}", mid_groups[(mids - 1) % len(mid_groups)], MID
        else:
            edges += 1
            host, group, kind = f"{cdn}-edge-{edges:03d}", edge_groups[(edges - 1) % len(edge_groups)], EDGE
        caches.append(
            CacheServer(
                host=host,
                cdn=cdn,
                cachegroup=group,
                type=kind,
                status="ADMIN_DOWN" if position == _ADMIN_DOWN else "REPORTED",
                speed_mbps=chance.choice(_SPEEDS_MBPS),
                failing=cdn == "cdn1" and position == _FAILING and count >= _FEWEST_WITH_FAILING,
            )
        )
    return tuple(caches)


def _delivery_services(cdn: str, count: int, seed: int) -> tuple[DeliveryService, ...]:
    chance = random.Random(f"{seed}/{cdn}/delivery-services")  # noqa: S311 (made-up sizes, not secrets)
    services = []
    for position in range(count):
        kind, service_type = _SERVICE_KINDS[position % len(_SERVICE_KINDS)]
        # The sizes fall off as 1/rank, which is how popularity is distributed in practice.
        size = chance.uniform(0.7, 1.3) / (position + 1)
        services.append(
            DeliveryService(xml_id=f"{cdn}-{kind}-{position + 1:02d}", cdn=cdn, type=service_type, size=size)
        )
    return tuple(services)
