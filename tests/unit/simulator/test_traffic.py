"""The simulated traffic: a pure function of seed, name and time that looks like a day of a CDN."""

from decimal import Decimal
from itertools import pairwise

import pytest

from tstats.simulator.traffic import (
    SERVICE_STATS,
    ServiceLoad,
    cache_load,
    cache_stats,
    daily_level,
    outage_began,
    peak_seconds,
    service_loads,
    service_stats,
)
from tstats.simulator.world import CACHE_STATS, DS_STATS, World

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MIDNIGHT_MS = 1_795_305_600_000  # 2026-11-22
CLIENTS = "ats.proxy.process.http.current_client_connections"


@pytest.fixture(scope="module")
def world() -> World:
    return World.build(cdns=1, caches=20, delivery_services=5, cachegroups=6)


@pytest.fixture(scope="module")
def service(world: World) -> ServiceLoad:
    return next(iter(service_loads(world.seed, world.cdns[0]).values()))


def test_traffic_is_lowest_in_the_early_morning_and_highest_in_the_evening() -> None:
    levels = {hour: daily_level(MIDNIGHT_MS + hour * HOUR_MS) for hour in range(24)}

    assert min(levels, key=levels.__getitem__) in (3, 4)
    assert max(levels, key=levels.__getitem__) in (18, 19, 20)
    assert levels[19] > 3 * levels[3]
    assert all(0.15 < level < 1 for level in levels.values())


def test_each_day_has_the_same_curve() -> None:
    assert daily_level(MIDNIGHT_MS + 5 * HOUR_MS) == daily_level(MIDNIGHT_MS + DAY_MS + 5 * HOUR_MS)


def test_the_counted_seconds_are_the_integral_of_the_curve() -> None:
    minutes = range(MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS, 60_000)
    summed = sum(daily_level(minute + 30_000) * 60 for minute in minutes)

    assert peak_seconds(MIDNIGHT_MS + DAY_MS) - peak_seconds(MIDNIGHT_MS) == pytest.approx(summed, rel=1e-6)


def test_counters_are_zero_before_2020() -> None:
    assert peak_seconds(0) == 0
    assert peak_seconds(1_577_836_800_001) == pytest.approx(0, abs=0.01)


def test_stats_depend_on_time_and_seed_only(world: World) -> None:
    cache = world.cdns[0].caches[0]
    at = MIDNIGHT_MS + 12 * HOUR_MS

    assert cache_stats(cache_load(1, cache), at) == cache_stats(cache_load(1, cache), at)
    assert cache_stats(cache_load(1, cache), at) != cache_stats(cache_load(2, cache), at)
    assert cache_stats(cache_load(1, cache), at) != cache_stats(cache_load(1, cache), at + 5_000)


def test_a_cache_has_all_stats_of_the_profile_and_its_numbers_are_whole(world: World) -> None:
    stats = cache_stats(cache_load(1, world.cdns[0].caches[0]), MIDNIGHT_MS)

    for stat in (*CACHE_STATS, "speed", "inBytes", "outBytes"):
        assert stats[stat].isdecimal(), stat


def test_some_stats_of_a_cache_are_not_numbers_as_in_real_monitors(world: World) -> None:
    stats = cache_stats(cache_load(1, world.cdns[0].caches[0]), MIDNIGHT_MS)

    assert stats["isHealthy"] == "true"
    assert stats["status"] == "REPORTED"
    assert stats["ats.proxy.process.version.server.short"].count(".") == 2


def test_bandwidth_follows_the_curve_with_little_noise_below_the_interface(world: World) -> None:
    for cache in world.cdns[0].caches:
        load = cache_load(world.seed, cache)
        if load.failing:
            continue
        for hour in range(24):
            at = MIDNIGHT_MS + hour * HOUR_MS
            stats = cache_stats(load, at)
            kbps = int(stats["bandwidth"])
            assert kbps == pytest.approx(load.peak_kbps * daily_level(at), rel=0.06)
            assert kbps < int(stats["maxKbps"]) == cache.speed_mbps * 1000


def test_caches_differ_in_size(world: World) -> None:
    peaks = {cache_load(world.seed, cache).peak_kbps for cache in world.cdns[0].caches}

    assert len(peaks) == 20
    assert max(peaks) > 3 * min(peaks)


def test_the_byte_counters_of_a_cache_grow_with_its_bandwidth(world: World) -> None:
    load = cache_load(world.seed, world.cdns[0].caches[0])
    counts = [int(cache_stats(load, MIDNIGHT_MS + second * 1000)["outBytes"]) for second in range(0, 600, 5)]
    bandwidth = int(cache_stats(load, MIDNIGHT_MS)["bandwidth"])

    assert all(later > earlier for earlier, later in pairwise(counts))
    assert (counts[1] - counts[0]) / 5 == pytest.approx(bandwidth * 125, rel=0.06)


def test_the_failing_cache_drops_to_zero_now_and_then_and_comes_back(world: World) -> None:
    load = cache_load(world.seed, next(cache for cache in world.cdns[0].caches if cache.failing))
    samples = [
        (cache_stats(load, at), outage_began(load, at))
        for at in range(MIDNIGHT_MS, MIDNIGHT_MS + 2 * HOUR_MS, 10_000)
    ]
    down = [stats for stats, began in samples if began is not None]

    assert 0.05 < len(down) / len(samples) < 0.25
    assert {(stats["bandwidth"], stats[CLIENTS], stats["isHealthy"]) for stats in down} == {
        ("0", "0", "false")
    }
    assert all(int(stats["bandwidth"]) > 0 for stats, began in samples if began is None)
    counts = [int(stats["outBytes"]) for stats, _ in samples]
    assert counts == sorted(counts)


def test_a_healthy_cache_has_no_outage(world: World) -> None:
    load = cache_load(world.seed, world.cdns[0].caches[0])

    assert all(outage_began(load, MIDNIGHT_MS + minute * 60_000) is None for minute in range(120))


def test_each_total_is_the_sum_of_the_locations_and_the_sum_of_the_types(service: ServiceLoad) -> None:
    stats = service_stats(service, MIDNIGHT_MS + 20 * HOUR_MS, SERVICE_STATS)

    for stat in SERVICE_STATS:
        total = Decimal(stats[f"total.{stat}"])
        for family in ("location.", "type."):
            parts = [
                Decimal(value)
                for key, value in stats.items()
                if key.startswith(family) and key.endswith(f".{stat}")
            ]
            assert len(parts) > 1
            assert sum(parts) == total > 0


def test_tps_total_is_the_sum_of_the_status_classes_everywhere(service: ServiceLoad) -> None:
    stats = service_stats(service, MIDNIGHT_MS + 20 * HOUR_MS, SERVICE_STATS)
    prefixes = [key.removesuffix("tps_total") for key in stats if key.endswith(".tps_total")]

    assert len(prefixes) == 1 + 6 + 2
    for prefix in prefixes:
        classes = [Decimal(stats[f"{prefix}tps_{digit}xx"]) for digit in (2, 3, 4, 5)]
        assert sum(classes) == Decimal(stats[f"{prefix}tps_total"])
        assert classes[0] > 10 * classes[2] > 0


def test_kbps_and_counters_are_whole_and_tps_have_six_decimals(service: ServiceLoad) -> None:
    for key, value in service_stats(service, MIDNIGHT_MS, SERVICE_STATS).items():
        whole, point, decimals = value.partition(".")
        assert whole.isdecimal()
        assert (point, len(decimals)) == ((".", 6) if ".tps_" in key else ("", 0)), key


def test_only_the_wanted_stats_of_a_service_are_returned(service: ServiceLoad) -> None:
    stats = service_stats(service, MIDNIGHT_MS, {"kbps", "tps_5xx"})

    assert {key.rpartition(".")[2] for key in stats} == {"kbps", "tps_5xx"}


def test_the_status_counters_of_a_service_never_decrease(service: ServiceLoad) -> None:
    counts = [
        int(service_stats(service, MIDNIGHT_MS + minute * 60_000, DS_STATS)["total.status_4xx"])
        for minute in range(0, 1440, 15)
    ]

    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


def test_the_services_together_carry_about_as_much_as_the_edges(world: World) -> None:
    at = MIDNIGHT_MS + 20 * HOUR_MS
    cdn = world.cdns[0]
    caches = sum(
        int(cache_stats(cache_load(world.seed, cache), at)["bandwidth"])
        for cache in cdn.caches
        if cache.type == "EDGE"
    )
    services = sum(
        int(service_stats(load, at, {"kbps"})["type.EDGE.kbps"])
        for load in service_loads(world.seed, cdn).values()
    )

    assert services == pytest.approx(caches, rel=0.4)


def test_a_cachegroup_with_caches_of_both_types_counts_for_both() -> None:
    world = World.build(cdns=1, caches=5, cachegroups=1)
    (load, *_) = service_loads(world.seed, world.cdns[0]).values()
    stats = service_stats(load, MIDNIGHT_MS, {"kbps"})

    assert stats["location.east-01.kbps"] == stats["total.kbps"]
    assert int(stats["type.EDGE.kbps"]) + int(stats["type.MID.kbps"]) == int(stats["total.kbps"])
