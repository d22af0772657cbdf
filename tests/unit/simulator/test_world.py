"""The simulated world: what exists, from a few counts and a seed."""

import pytest

from tstats.errors import TstatsError
from tstats.simulator.world import EDGE, MID, World


def test_the_counts_are_per_cdn() -> None:
    world = World.build(cdns=3, caches=10, delivery_services=4, cachegroups=5, monitors=2, seed=7)

    assert [cdn.name for cdn in world.cdns] == ["cdn1", "cdn2", "cdn3"]
    assert {len(cdn.caches) for cdn in world.cdns} == {10}
    assert {len(cdn.delivery_services) for cdn in world.cdns} == {4}
    assert {len(cdn.monitors) for cdn in world.cdns} == {2}
    assert len(world.cachegroups) == 5


def test_every_name_is_unique_in_the_world() -> None:
    world = World.build(cdns=2, caches=20, delivery_services=20, monitors=3)
    hosts = [cache.host for cdn in world.cdns for cache in (*cdn.caches, cdn.offline_cache)]
    services = [service.xml_id for cdn in world.cdns for service in cdn.delivery_services]
    monitors = [monitor.name for monitor in world.monitors]

    for names in (hosts, services, monitors):
        assert len(set(names)) == len(names)


def test_every_fifth_cache_is_a_mid_in_a_cachegroup_of_mids() -> None:
    caches = World.build(caches=20, cachegroups=6).cdn("cdn1").caches
    mid_groups = {cache.cachegroup for cache in caches if cache.type == MID}
    edge_groups = {cache.cachegroup for cache in caches if cache.type == EDGE}

    assert [cache.type for cache in caches].count(MID) == 4
    assert not mid_groups & edge_groups


def test_some_cachegroups_contain_a_dot_as_real_ones_may() -> None:
    assert any("." in name for name in World.build(cachegroups=6).cachegroups)


def test_caches_differ_in_status_and_one_fails_now_and_then() -> None:
    world = World.build(cdns=2, caches=12)
    caches = [cache for cdn in world.cdns for cache in cdn.caches]

    assert {cache.status for cache in caches} == {"REPORTED", "ADMIN_DOWN"}
    assert {cdn.offline_cache.status for cdn in world.cdns} == {"OFFLINE"}
    assert len([cache for cache in caches if cache.failing]) == 1


def test_the_smallest_world_has_one_of_everything() -> None:
    world = World.build(cdns=1, caches=1, delivery_services=1, cachegroups=1, monitors=1)

    assert world.cachegroups == (world.cdns[0].caches[0].cachegroup,)
    assert not world.cdns[0].caches[0].failing


def test_the_stats_to_collect_are_those_of_a_real_profile() -> None:
    world = World.build()

    assert len(world.cache_stats) == 6
    assert "ats.proxy.process.http.current_client_connections" in world.cache_stats
    assert sorted(world.ds_stats) == [
        "kbps",
        "status_4xx",
        "status_5xx",
        "tps_2xx",
        "tps_3xx",
        "tps_4xx",
        "tps_5xx",
        "tps_total",
    ]


def test_equal_arguments_give_equal_worlds_and_another_seed_a_different_one() -> None:
    assert World.build(seed=5) == World.build(seed=5)
    assert World.build(seed=5).cdns != World.build(seed=6).cdns


@pytest.mark.parametrize("name", ["cdns", "caches", "delivery_services", "cachegroups", "monitors"])
@pytest.mark.parametrize("count", [0, -1])
def test_a_count_below_one_is_refused(name: str, count: int) -> None:
    with pytest.raises(TstatsError, match=rf"at least 1 of {name}, not {count}"):
        World.build(**{name: count})


def test_an_unknown_cdn_is_an_error() -> None:
    with pytest.raises(KeyError):
        World.build().cdn("nope")
