"""The bodies of CacheStats and DsStats, in the form of a real Traffic Monitor."""

import json
from typing import Any

import pytest

from tstats.simulator.payloads import CACHE_FEED, DS_FEED, POLL_MS, FeedQuery, Feeds, unknown_parameter
from tstats.simulator.world import World

NOW_MS = 1_795_298_073_250  # Sat Nov 21 21:54:33 UTC 2026


@pytest.fixture(scope="module")
def world() -> World:
    return World.build(cdns=2, caches=10, delivery_services=3, cachegroups=5)


@pytest.fixture(scope="module")
def feeds(world: World) -> Feeds:
    return Feeds.of(world, world.monitors[0])


def body(feeds: Feeds, feed: str, query: str, now_ms: int = NOW_MS) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(feeds.body(feed, FeedQuery.parse(query), now_ms).data)
    return content


def test_cache_stats_has_a_list_of_samples_for_each_stat_of_each_cache(world: World, feeds: Feeds) -> None:
    content = body(feeds, CACHE_FEED, "hc=1&wildcard=1&stats=bandwidth,maxKbps")

    assert list(content) == ["pp", "date", "caches"]
    assert content["pp"] == "hc=[1], wildcard=[1], stats=[bandwidth,maxKbps]"
    assert content["date"] == "Sat Nov 21 21:54:33 UTC 2026"
    assert list(content["caches"]) == [cache.host for cache in world.cdn("cdn1").caches]
    for stats in content["caches"].values():
        assert set(stats) == {"bandwidth", "maxKbps", "speed", "inBytes", "outBytes"}
        for samples in stats.values():
            ((sample),) = samples
            assert set(sample) == {"value", "time", "span"}
            assert sample["value"].isdecimal()


def test_a_single_figure_day_is_padded_with_a_space_in_the_date(feeds: Feeds) -> None:
    assert body(feeds, CACHE_FEED, "", 1_780_617_600_000)["date"] == "Fri Jun  5 00:00:00 UTC 2026"


def test_an_offline_cache_is_not_reported(world: World, feeds: Feeds) -> None:
    assert world.cdn("cdn1").offline_cache.host not in body(feeds, CACHE_FEED, "hc=1")["caches"]


def test_ds_stats_has_total_location_and_type_of_each_stat(world: World, feeds: Feeds) -> None:
    content = body(feeds, DS_FEED, "hc=1&wildcard=1&stats=" + ",".join(world.ds_stats))

    assert list(content) == ["deliveryService", "pp", "date"]
    assert list(content["deliveryService"]) == [s.xml_id for s in world.cdn("cdn1").delivery_services]
    places = {"total", "type.EDGE", "type.MID"}
    places |= {f"location.{cache.cachegroup}" for cache in world.cdn("cdn1").caches}
    for stats in content["deliveryService"].values():
        assert set(stats) == {f"{place}.{stat}" for place in places for stat in world.ds_stats}
        for samples in stats.values():
            ((sample),) = samples
            assert list(sample) == ["time", "value"]
            float(sample["value"])


def test_asking_for_no_stat_returns_only_those_that_are_always_included(feeds: Feeds) -> None:
    caches = body(feeds, CACHE_FEED, "stats=")["caches"]

    assert {frozenset(stats) for stats in caches.values()} == {frozenset({"speed", "inBytes", "outBytes"})}
    assert body(feeds, DS_FEED, "hc=1&wildcard=1&stats=")["deliveryService"] == {}


def test_without_a_list_of_stats_all_are_returned_including_texts(feeds: Feeds) -> None:
    stats = body(feeds, CACHE_FEED, "hc=1")["caches"]["cdn1-edge-001"]

    assert {"bandwidth", "kbps", "gbps", "isHealthy", "status"} <= set(stats)
    assert "total.status_2xx" in body(feeds, DS_FEED, "hc=1")["deliveryService"]["cdn1-live-01"]


def test_a_wildcard_asks_for_all_stats_that_contain_the_name(feeds: Feeds) -> None:
    exact = body(feeds, CACHE_FEED, "stats=wrap_count")["caches"]["cdn1-edge-001"]
    wild = body(feeds, CACHE_FEED, "stats=wrap_count&wildcard=1")["caches"]["cdn1-edge-001"]

    assert not [stat for stat in exact if "wrap_count" in stat]
    assert len([stat for stat in wild if "wrap_count" in stat]) == 2


@pytest.mark.parametrize("feed", [CACHE_FEED, DS_FEED])
def test_a_longer_history_comes_newest_first(feeds: Feeds, feed: str) -> None:
    content = body(feeds, feed, "hc=3&stats=bandwidth,kbps")
    things = content["caches"] if feed == CACHE_FEED else content["deliveryService"]
    stat = "bandwidth" if feed == CACHE_FEED else "total.kbps"
    times = [sample["time"] for sample in next(iter(things.values()))[stat]]

    assert [times[0] - time for time in times] == [0, POLL_MS, 2 * POLL_MS]


def test_history_zero_returns_all_that_a_monitor_keeps(feeds: Feeds) -> None:
    for count in ("0", "-1", "1000000"):
        samples = body(feeds, CACHE_FEED, f"hc={count}&stats=bandwidth")["caches"]["cdn1-edge-001"]
        assert len(samples["bandwidth"]) == 20


def test_a_history_that_is_not_a_number_counts_as_one(feeds: Feeds) -> None:
    assert len(body(feeds, CACHE_FEED, "hc=x")["caches"]["cdn1-edge-001"]["bandwidth"]) == 1


def test_equal_values_in_a_row_are_merged_into_a_span(feeds: Feeds) -> None:
    ((speed),) = body(feeds, CACHE_FEED, "hc=5")["caches"]["cdn1-edge-001"]["speed"]

    assert speed["span"] == 5


@pytest.mark.parametrize("feed", [CACHE_FEED, DS_FEED])
def test_every_sample_is_a_few_seconds_old(world: World, feed: str) -> None:
    for monitor in world.monitors:
        for now_ms in range(NOW_MS, NOW_MS + POLL_MS, 700):
            made = Feeds.of(world, monitor).body(feed, FeedQuery.parse("hc=1"), now_ms)
            content = json.loads(made.data)
            things = content["caches"] if feed == CACHE_FEED else content["deliveryService"]
            times = {s["time"] for stats in things.values() for samples in stats.values() for s in samples}
            assert all(1_000 <= now_ms - time <= 1_000 + POLL_MS for time in times)
            assert made.newest_ms == max(times)


def test_asking_again_before_the_next_poll_returns_the_same_samples(feeds: Feeds) -> None:
    times = {
        feeds.body(DS_FEED, FeedQuery.parse("hc=1"), NOW_MS + ms).newest_ms for ms in range(0, POLL_MS, 50)
    }

    assert len(times) == 2  # a poll falls into every POLL_MS
    assert max(times) - min(times) == POLL_MS


def test_the_monitors_of_a_cdn_see_the_same_services_at_different_times(world: World) -> None:
    first, second = (body(Feeds.of(world, world.monitors[i]), DS_FEED, "hc=1") for i in (0, 1))
    services = [content["deliveryService"]["cdn1-live-01"]["total.kbps"][0] for content in (first, second)]

    assert first["deliveryService"].keys() == second["deliveryService"].keys()
    assert services[0]["time"] != services[1]["time"]


def test_names_and_types_can_be_asked_for(feeds: Feeds) -> None:
    assert list(body(feeds, CACHE_FEED, "hosts=cdn1-edge-002,nope")["caches"]) == ["cdn1-edge-002"]
    assert len(body(feeds, CACHE_FEED, "type=mid")["caches"]) == 2
    assert list(body(feeds, DS_FEED, "deliveryservices=cdn1-vod-02")["deliveryService"]) == ["cdn1-vod-02"]


def test_an_unknown_parameter_is_found() -> None:
    assert unknown_parameter(CACHE_FEED, "hc=1&foo=1&bar=2") == "foo"
    assert unknown_parameter(CACHE_FEED, "hc=1&stats=&wildcard=1&type=edge&hosts=a") is None
    assert unknown_parameter(DS_FEED, "hosts=a") == "hosts"


def test_a_body_without_samples_has_no_newest_time(feeds: Feeds) -> None:
    assert feeds.body(CACHE_FEED, FeedQuery.parse("hosts=nope"), NOW_MS).newest_ms == 0
    assert feeds.body(DS_FEED, FeedQuery.parse("stats="), NOW_MS).newest_ms == 0
