"""How much flows, and when: every value is a pure function of the world's seed, a name and the time.

Rates follow a daily curve with noise of a few percent; counters are the integral of the curve, so they never
decrease. Numbers are formatted as Traffic Monitor does: whole kbps, tps with six decimals.
"""

import math
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import blake2b

from tstats.simulator.world import CACHE_STATS, EDGE, CacheServer, Cdn

_DAY_MS = 86_400_000
_COUNTER_EPOCH_MS = 1_577_836_800_000  # 2020-01-01: all counters were 0
_RADIANS_PER_MS = 2 * math.pi / _DAY_MS
_TROUGH = 2 * math.pi * 5 / 24  # 05:00 UTC, in the wave with a period of a day
_EVENING = 2 * math.pi * 20.5 / 24  # 20:30 UTC, in the wave with a period of half a day
_MEAN, _DAILY, _HALF_DAILY = 0.58, 0.30, 0.12  # together they stay within (0.15, 1)

# A linear congruential generator: a tenth of the cost per value of `random.Random`.
_LCG_FACTOR, _LCG_STEP, _LCG_MASK = 1_103_515_245, 12_345, 0x7FFF_FFFF
_LCG_UNIT = 1 / (_LCG_MASK + 1)

_OUTAGE_EVERY_MS = 30 * 60_000
_OUTAGE_MS = 4 * 60_000
_KBPS_PER_CONNECTION = 2_600
_VOLUME_BYTES = (2_000e12, 3_100e12)  # the bytes served until a cache volume wraps around
_MID_SHARE = 0.08  # the part of a MID cache's traffic that counts for a delivery service

_TPS = ("tps_2xx", "tps_3xx", "tps_4xx", "tps_5xx", "tps_total")
_STATUS = ("status_2xx", "status_3xx", "status_4xx", "status_5xx")
SERVICE_STATS = ("kbps", *_TPS, *_STATUS)
_STATUS_SHARES = (0.94, 0.036, 0.018, 0.006)
_SERVICE_FORMATS = {stat: (index, stat in _TPS) for index, stat in enumerate(SERVICE_STATS)}


def daily_level(time_ms: int) -> float:
    """Return the level relative to the peak: lowest near 03:30 UTC, highest near 19:00 UTC."""
    angle = (time_ms % _DAY_MS) * _RADIANS_PER_MS
    return _MEAN - _DAILY * math.cos(angle - _TROUGH) + _HALF_DAILY * math.cos(2 * (angle - _EVENING))


def peak_seconds(time_ms: int) -> float:
    """Return the integral of `daily_level` since 2020 (0 before), in seconds at peak; it never decreases."""
    if time_ms <= _COUNTER_EPOCH_MS:
        return 0.0
    angle = (time_ms % _DAY_MS) * _RADIANS_PER_MS
    waves = -_DAILY * math.sin(angle - _TROUGH) + _HALF_DAILY / 2 * math.sin(2 * (angle - _EVENING))
    at_midnight = _DAILY * math.sin(_TROUGH) - _HALF_DAILY / 2 * math.sin(2 * _EVENING)
    whole = _MEAN * (time_ms - _COUNTER_EPOCH_MS)
    return (whole + (waves - at_midnight) / _RADIANS_PER_MS) / 1000


def noise_seed(seed: int, name: str) -> int:
    """Return a number for a name in a world; different names give unrelated numbers."""
    return int.from_bytes(blake2b(f"{seed}/{name}".encode(), digest_size=6).digest())


def _first_state(seed: int, time_ms: int) -> int:
    # The multiplier spreads times that differ by a few ms over all bits before the generator takes over.
    mixed = (seed ^ (time_ms * 0x9E37_79B1)) * 0x85EB_CA6B
    return (mixed ^ (mixed >> 29)) & _LCG_MASK


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLoad:
    """The traffic of a cache; `peak_kbps` is its bandwidth at a level of 1, without noise."""

    noise_seed: int
    peak_kbps: float
    speed_mbps: int
    status: str
    failing: bool


def cache_load(seed: int, cache: CacheServer) -> CacheLoad:
    """Return the load of `cache` in the world of `seed`: 30 to 80 % of its interface at peak."""
    noise = noise_seed(seed, f"cache/{cache.host}")
    use = (0.3 if cache.type == EDGE else 0.1) + 0.45 * ((noise >> 8) % 1000) / 1000
    return CacheLoad(
        noise_seed=noise,
        peak_kbps=cache.speed_mbps * 1000 * use,
        speed_mbps=cache.speed_mbps,
        status=cache.status,
        failing=cache.failing,
    )


def outage_began(load: CacheLoad, time_ms: int) -> int | None:
    """Return the time (ms) since which the cache has been failing at `time_ms`, or None while it serves."""
    into = (time_ms + load.noise_seed) % _OUTAGE_EVERY_MS
    return time_ms - into if load.failing and into < _OUTAGE_MS else None


def cache_stats(load: CacheLoad, time_ms: int) -> dict[str, str]:
    """Return all that a monitor knows about a cache at `time_ms`, as texts; not all are numbers."""
    state = (_first_state(load.noise_seed, time_ms) * _LCG_FACTOR + _LCG_STEP) & _LCG_MASK
    kbps = int(load.peak_kbps * daily_level(time_ms) * (0.95 + 0.1 * state * _LCG_UNIT))
    state = (state * _LCG_FACTOR + _LCG_STEP) & _LCG_MASK
    connections = int(kbps / _KBPS_PER_CONNECTION * (0.9 + 0.2 * state * _LCG_UNIT))
    counted_ms = time_ms
    began = outage_began(load, time_ms)
    if began is not None:
        kbps = connections = 0
        counted_ms = began  # the counters stop, and catch up when the outage is over
    out_bytes = int(load.peak_kbps * 125 * peak_seconds(counted_ms))
    clients, volume_1, volume_2, cipher = CACHE_STATS[2:]
    return {
        "bandwidth": str(kbps),
        "maxKbps": str(load.speed_mbps * 1000),
        clients: str(connections),
        volume_1: str(int(out_bytes / _VOLUME_BYTES[0])),
        volume_2: str(int(out_bytes / _VOLUME_BYTES[1])),
        cipher: str(out_bytes // 400_000),
        "speed": str(load.speed_mbps),
        "inBytes": str(out_bytes // 21),
        "outBytes": str(out_bytes),
        "kbps": str(kbps),
        "gbps": f"{kbps / 1e6:.6f}",
        "availableBandwidthInKbps": str(load.speed_mbps * 1000 - kbps),
        "ats.proxy.process.cache.bytes_used": f"{load.speed_mbps * 1e8:e}",
        "ats.proxy.process.version.server.short": "9.2.3",
        "isHealthy": "true" if kbps else "false",
        "error-string": "",
        "status": load.status,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The part of a delivery service that the caches of one type in one cachegroup serve."""

    location: str
    type: str
    peak_kbps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLoad:
    """The traffic of a delivery service; a transaction transfers `object_kbit` on average."""

    noise_seed: int
    object_kbit: float
    slices: tuple[Slice, ...]


def service_loads(seed: int, cdn: Cdn) -> dict[str, ServiceLoad]:
    """Return the load of each delivery service by xml_id; together they roughly match the caches."""
    groups: dict[tuple[str, str], float] = defaultdict(float)
    for cache in cdn.caches:
        groups[cache.cachegroup, cache.type] += cache_load(seed, cache).peak_kbps
    all_sizes = sum(service.size for service in cdn.delivery_services)
    loads = {}
    for service in cdn.delivery_services:
        share = service.size / all_sizes
        noise = noise_seed(seed, f"delivery-service/{service.xml_id}")
        slices = []
        for (location, kind), kbps in groups.items():
            # A service is not equally popular everywhere.
            popularity = 0.6 + 0.8 * (noise_seed(noise, location) % 1000) / 1000
            part = kbps * share * popularity * (1 if kind == EDGE else _MID_SHARE)
            slices.append(Slice(location=location, type=kind, peak_kbps=part))
        object_kbit = 150 + (noise >> 8) % 650
        loads[service.xml_id] = ServiceLoad(noise_seed=noise, object_kbit=object_kbit, slices=tuple(slices))
    return loads


def service_stats(load: ServiceLoad, time_ms: int, wanted: Collection[str]) -> dict[str, str]:
    """Return the wanted stats of a delivery service at `time_ms`, in total, by location and by type.

    The total of each stat is exactly the sum over the locations and the sum over the types, and tps_total is
    exactly the sum of the tps of the four status classes: everything is added up in whole millionths.

    Args:
        load: the load of the service.
        time_ms: milliseconds since the epoch.
        wanted: names from `SERVICE_STATS`.

    Returns:
        Texts by `total.S`, `location.L.S` and `type.T.S`.
    """
    groups: dict[str, list[int]] = {"total.": [0] * len(SERVICE_STATS)}
    level = daily_level(time_ms)
    transactions = peak_seconds(time_ms) / load.object_kbit
    state = _first_state(load.noise_seed, time_ms)
    for part in load.slices:
        row = []
        state = (state * _LCG_FACTOR + _LCG_STEP) & _LCG_MASK
        kbps = int(part.peak_kbps * level * (0.94 + 0.12 * state * _LCG_UNIT))
        total = int(kbps * 1_000_000 / load.object_kbit)
        row.append(kbps)
        state = (state * _LCG_FACTOR + _LCG_STEP) & _LCG_MASK
        strays = total * (0.5 + state * _LCG_UNIT)
        tps_3xx, tps_4xx, tps_5xx = (int(strays * share) for share in _STATUS_SHARES[1:])
        row += (total - tps_3xx - tps_4xx - tps_5xx, tps_3xx, tps_4xx, tps_5xx, total)
        row += (int(part.peak_kbps * transactions * share) for share in _STATUS_SHARES)
        for prefix in ("total.", f"location.{part.location}.", f"type.{part.type}."):
            known = groups.get(prefix)
            groups[prefix] = row if known is None else [a + b for a, b in zip(known, row, strict=True)]
    formats = [(stat, *_SERVICE_FORMATS[stat]) for stat in SERVICE_STATS if stat in wanted]
    stats = {}
    for prefix, row in groups.items():
        for stat, index, is_tps in formats:
            stats[prefix + stat] = f"{row[index] / 1_000_000:.6f}" if is_tps else str(row[index])
    return stats
