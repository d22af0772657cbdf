"""A Traffic Monitor's payload → points: exactly what it contains, and a count of what is left out."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tstats.collect.feed import LATEST, CacheFeed, DeliveryServiceFeed, Reading, number
from tstats.collect.payload import FeedError
from tstats.traffic_control.inventory import Cache

NOW = 1_795_297_837_786
EVERY_TIME = 0
CACHES = {
    "edge-01": Cache(cachegroup="edge-east", type="EDGE"),
    "mid-01": Cache(cachegroup="mid.west 1", type="MID"),
}


@dataclass(frozen=True)
class Point:
    """The content of a line."""

    name: str
    tags: Mapping[str, str]
    value: float
    time: int


def parsed(line: str) -> Point:
    """Parse a line of line protocol: backslashes escape separators and nothing else."""
    head, fields, time = re.split(r"(?<!\\) ", line)
    name, *pairs = re.split(r"(?<!\\),", head)
    tags = {}
    for pair in pairs:
        key, value = re.split(r"(?<!\\)=", pair)
        tags[_unescaped(key)] = _unescaped(value)
    assert list(tags) == sorted(tags), "in another order, the server would have to sort the tags"
    field, value = fields.split("=")
    assert field == "value"
    assert re.fullmatch(r"-?\d+(\.\d+)?", value), "not a float in line protocol"
    return Point(name=_unescaped(name), tags=tags, value=float(value), time=int(time))


def _unescaped(text: str) -> str:
    return re.sub(r"\\([,= ])", r"\1", text)


def points_of(reading: Reading) -> list[Point]:
    lines = b"\n".join(reading.batches).decode().split("\n") if reading.batches else []
    return [parsed(line) for line in lines]


def cache_stats(caches: object, *, oldest: int = EVERY_TIME, most: int = 10_000) -> Reading:
    body = caches if isinstance(caches, bytes) else json.dumps({"pp": "x", "caches": caches}).encode()
    return CacheFeed("cdn1", CACHES).read(body, oldest=oldest, most=most)


def ds_stats(services: object, *, oldest: int = EVERY_TIME, most: int = 10_000) -> Reading:
    body = services if isinstance(services, bytes) else json.dumps({"deliveryService": services}).encode()
    return DeliveryServiceFeed("cdn1").read(body, oldest=oldest, most=most)


def sample(value: object, time: object = NOW) -> dict[str, object]:
    return {"value": value, "time": time, "span": 1}


# --- CacheStats


def test_a_stat_of_a_cache_becomes_a_point_with_the_tags_from_the_inventory() -> None:
    reading = cache_stats({"edge-01": {"bandwidth": [sample("130307")]}})
    assert reading.batches == [
        b"bandwidth,cachegroup=edge-east,cdn=cdn1,hostname=edge-01,type=EDGE value=130307 1795297837786"
    ]
    assert (reading.points, reading.newest, reading.dropped, reading.unknown) == (1, NOW, {}, set())


@pytest.mark.parametrize(
    ("stat", "measurement"),
    [
        ("maxKbps", "maxKbps"),
        ("ats.proxy.process.cache.volume_1.wrap_count", "ats.proxy.process.cache.volume_1.wrap_count"),
        ("user_agent.ECDHE-RSA-AES128-GCM-SHA256", "user_agent.ECDHE_RSA_AES128_GCM_SHA256"),
        ("interface.bandwidth", "interface.kbps"),
        ("a.bandwidth.bandwidth", "a.kbps.bandwidth"),
    ],
)
def test_the_measurement_is_named_after_the_stat_as_in_go(stat: str, measurement: str) -> None:
    (point,) = points_of(cache_stats({"edge-01": {stat: [sample("1")]}}))
    assert point.name == measurement


def test_the_points_of_an_unknown_cache_lack_the_tags_and_the_cache_is_reported() -> None:
    reading = cache_stats({"new-01": {"maxKbps": [sample("1")]}})
    assert points_of(reading)[0].tags == {"cdn": "cdn1", "hostname": "new-01"}
    assert reading.unknown == {"new-01"}


def test_a_cachegroup_may_contain_dots_and_spaces() -> None:
    (point,) = points_of(cache_stats({"mid-01": {"maxKbps": [sample("1")]}}))
    assert point.tags["cachegroup"] == "mid.west 1"


# --- DsStats


@pytest.mark.parametrize(
    ("stat", "line"),
    [
        ("total.kbps", "kbps,cachegroup=total,cdn=cdn1,deliveryservice=sports"),
        ("location.edge-east.tps_2xx", "tps_2xx,cachegroup=edge-east,cdn=cdn1,deliveryservice=sports"),
        ("type.EDGE.kbps", "kbps,cachegroup=all,cdn=cdn1,deliveryservice=sports,type=EDGE"),
        ("location.east.edge.1.kbps", "kbps,cachegroup=east.edge.1,cdn=cdn1,deliveryservice=sports"),
        ("type.A.B.kbps", "kbps,cachegroup=all,cdn=cdn1,deliveryservice=sports,type=A.B"),
        ("total.tps.2xx", "tps.2xx,cachegroup=total,cdn=cdn1,deliveryservice=sports"),
    ],
)
def test_a_stat_is_split_at_its_known_prefix_and_its_last_dot(stat: str, line: str) -> None:
    assert ds_stats({"sports": {stat: [sample("61557")]}}).batches == [
        f"{line} value=61557 1795297837786".encode()
    ]


@pytest.mark.parametrize(
    "stat", ["kbps", "total", "total.", "location.kbps", "location.x.", "edge.x.kbps", "."]
)
def test_a_stat_of_an_unknown_form_is_left_out_and_counted(stat: str) -> None:
    reading = ds_stats({"sports": {stat: [sample("1")], "total.kbps": [sample("2")]}})
    assert [point.value for point in points_of(reading)] == [2.0]
    assert reading.dropped == {"name": 1}


# --- both feeds


def test_each_sample_of_a_stat_is_a_point_with_its_own_time() -> None:
    reading = cache_stats({"edge-01": {"bandwidth": [sample("3", NOW), sample("2", NOW - 5000)]}})
    assert [(point.value, point.time) for point in points_of(reading)] == [(3.0, NOW), (2.0, NOW - 5000)]
    assert reading.newest == NOW


@pytest.mark.parametrize(
    "caches", [None, {}, {"edge-01": {}}, {"edge-01": None}, {"edge-01": {"x": []}}, {"edge-01": {"x": None}}]
)
def test_a_group_may_be_empty_or_null(caches: object) -> None:
    for reading in (cache_stats(caches), ds_stats(caches)):
        assert (reading.batches, reading.dropped, reading.newest) == ([], {}, 0)


def test_samples_before_the_oldest_time_are_left_out_and_counted() -> None:
    times = [NOW - 1, NOW, NOW + 1]
    reading = cache_stats({"edge-01": {"x": [sample("1", time) for time in times]}}, oldest=NOW)
    assert [point.time for point in points_of(reading)] == [NOW, NOW + 1]
    assert reading.dropped == {"old": 1}


def test_a_time_that_influxdb_cannot_store_is_left_out_and_counted() -> None:
    reading = cache_stats(
        {"edge-01": {"x": [sample("1", LATEST), sample("1", LATEST + 1), sample("1", 10**30)]}}
    )
    assert [point.time for point in points_of(reading)] == [LATEST]
    assert reading.dropped == {"time": 2}


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "abc",
        "NaN",
        "nan",
        "Inf",
        "-inf",
        "1e400",
        "1_000",
        " 5",
        "5 ",
        "5\n",
        "0x10",
        "١٢",
        "²",
        "1,5",
    ],
)
def test_a_value_that_is_not_a_number_gives_no_point_rather_than_a_zero(value: str) -> None:
    reading = cache_stats({"edge-01": {"bad": [sample(value)], "good": [sample("7")]}})
    assert [(point.name, point.value) for point in points_of(reading)] == [("good", 7.0)]
    assert reading.dropped == {"value": 1}
    assert reading.examples == [f"value: 'edge-01' 'bad' {value!r}"]


@pytest.mark.parametrize(("value", "expected"), [(5, 5.0), (2.5, 2.5), (-3, -3.0), (1e300, 1e300)])
def test_a_json_number_is_as_good_as_its_text(value: float, expected: float) -> None:
    assert [point.value for point in points_of(cache_stats({"edge-01": {"x": [sample(value)]}}))] == [
        expected
    ]


@pytest.mark.parametrize(
    "bad",
    [
        sample(value=True),
        sample(None),
        sample(["1"]),
        sample("1", "1795297837786"),
        sample("1", None),
        sample("1", time=True),
        sample("1", 1.5),
        {"value": "1"},
        {"time": NOW},
        {},
        [],
        "1",
        5,
        None,
    ],
)
def test_a_sample_of_the_wrong_type_is_counted_and_the_rest_kept(bad: object) -> None:
    caches = {"edge-01": {"x": [bad, sample("1")], "y": [sample("2")]}, "mid-01": {"x": [sample("3")]}}
    reading = cache_stats(caches)
    assert sorted(point.value for point in points_of(reading)) == [1.0, 2.0, 3.0]
    assert reading.dropped == {"type": 1}


@pytest.mark.parametrize("bad", ["text", 5, True, [1], {"value": "1"}])
def test_a_stat_that_is_not_a_list_is_counted_and_the_rest_kept(bad: object) -> None:
    reading = ds_stats(
        {"a": {"total.kbps": bad, "total.tps": [sample("1")]}, "b": {"total.kbps": [sample("2")]}}
    )
    assert [point.value for point in points_of(reading)] == [1.0, 2.0]
    assert reading.dropped == {"type": 1}


@pytest.mark.parametrize("bad", ["text", 5, False, [sample("1")]])
def test_a_cache_that_is_not_an_object_is_counted_and_the_rest_kept(bad: object) -> None:
    reading = cache_stats({"edge-01": bad, "mid-01": {"x": [sample("1")]}})
    assert (reading.points, reading.dropped) == (1, {"type": 1})


HOSTILE = [
    "a,b",
    "a b",
    'a"b',
    "a\\b",
    "a=b",
    "é",
    "🚀",
    "\u2028",
    "a\tb",
    "a\rb",
    "#a",
    "'",
    "\\,",
    "a,b=c d",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_that_line_protocol_can_express_comes_through_unchanged(name: str) -> None:
    (cache,) = points_of(cache_stats({name: {"x": [sample("1")]}}))
    (service,) = points_of(ds_stats({name: {f"location.{name}.kbps": [sample("1")]}}))
    assert cache.tags["hostname"] == service.tags["deliveryservice"] == service.tags["cachegroup"] == name


@pytest.mark.parametrize("name", ["", "a\nb", "a\\", "\ud800", "a\udfffb"])
def test_a_name_that_line_protocol_cannot_express_costs_only_its_own_samples(name: str) -> None:
    good = {"x": [sample("7")]}
    as_owner = cache_stats({name: {"x": [sample("1"), sample("2", NOW - 1)], "y": []}, "edge-01": good})
    as_stat = cache_stats({"edge-01": {name: [sample("1"), sample("2", NOW - 1)], **good}})
    as_service = ds_stats(
        {name: {"total.kbps": [sample("1"), sample("2")]}, "a": {"total.kbps": [sample("7")]}}
    )
    as_location = ds_stats(
        {"a": {f"location.{name}.kbps": [sample("1"), sample("2")], "total.kbps": [sample("7")]}}
    )
    for reading in (as_owner, as_stat, as_service, as_location):
        assert [point.value for point in points_of(reading)] == [7.0]
        assert reading.dropped == {"name": 2}


def test_invalid_utf_8_costs_only_the_samples_that_contain_it() -> None:
    body = b"""{"caches": {"edge-01": {"x": [{"value": "1", "time": 5}], "\xff": [{"value": "2", "time": 5}]},
                           "\xfe": {"x": [{"value": "3", "time": 5}]},
                           "mid-01": {"x": [{"value": "\xfd", "time": 5}]}}}"""
    reading = cache_stats(body)
    assert [point.value for point in points_of(reading)] == [1.0]
    assert reading.dropped == {"name": 2, "value": 1}


def test_a_number_of_thousands_of_digits_costs_only_its_own_sample() -> None:
    nines = b"9" * 5000
    body = b'{"caches": {"edge-01": {"x": [{"value": %b, "time": 5}, {"value": "1", "time": 5}]}}}' % nines
    reading = cache_stats(body)
    assert [point.value for point in points_of(reading)] == [1.0]
    assert reading.dropped == {"value": 1}


def test_a_payload_with_a_byte_order_mark_is_read() -> None:
    body = b'\xef\xbb\xbf{"caches": {"edge-01": {"x": [{"value": "1", "time": 5}]}}}'
    assert cache_stats(body).points == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!DOCTYPE html><html><h1>502 Bad Gateway</h1></html>",
        b"starting up\n",
        b'{"caches": {"edge-01": {"bandw',
        b'{"caches": {}} trailing',
        b"null",
        b"[]",
        b"5",
        b'"caches"',
        b"{}",
        b'{"caches": []}',
        b'{"caches": "none"}',
        b'{"deliveryService": 5}',
        b"[" * 100_000,
        b'{"x":' * 100_000,
        b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b', "caches": {}}',
        b"\x1f\x8b\x08\x00",
        b"\xff\xfe\x00",
        b"\x00" * 100,
    ],
)
def test_anything_but_a_payload_is_an_error_that_shows_how_it_begins(body: bytes) -> None:
    for read in (cache_stats, ds_stats):
        with pytest.raises(FeedError) as caught:
            read(body)
        assert len(str(caught.value)) < 500
        assert "\n" not in str(caught.value)


def test_the_other_feeds_payload_is_an_error_that_names_the_missing_key() -> None:
    with pytest.raises(FeedError, match="caches"):
        cache_stats(b'{"deliveryService": {}}')
    with pytest.raises(FeedError, match="deliveryService"):
        ds_stats(b'{"caches": {}}')


def test_a_value_nested_to_any_depth_is_a_wrong_type_or_an_error_but_never_a_crash() -> None:
    for depth in range(0, 2000, 25):
        nested = b"[" * depth + b"]" * depth
        body = b'{"caches": {"edge-01": {"x": [%b, {"value": "1", "time": 5}]}}}' % (nested or b"1")
        try:
            reading = cache_stats(body)
        except FeedError:
            assert depth > 500
        else:
            assert (reading.points, reading.dropped) == (1, {"type": 1})


def test_examples_are_few_and_short_whatever_the_payload_holds() -> None:
    long = "x" * 100_000
    reading = cache_stats(
        {f"{n}{long}": {long: [sample(long), sample([long]), sample("1", long)]} for n in range(20)}
    )
    assert sum(reading.dropped.values()) == 60
    assert 0 < sum(map(len, reading.examples)) < 2000


@pytest.mark.parametrize(
    ("count", "most", "sizes"), [(0, 3, []), (3, 3, [3]), (7, 3, [3, 3, 1]), (4, 1, [1] * 4)]
)
def test_batches_have_at_most_the_given_number_of_points(count: int, most: int, sizes: list[int]) -> None:
    reading = cache_stats({"edge-01": {f"s{n}": [sample(str(n))] for n in range(count)}}, most=most)
    assert reading.sizes == [len(batch.split(b"\n")) for batch in reading.batches] == sizes
    assert sorted(point.value for point in points_of(reading)) == list(range(count))


def test_a_feed_reads_payload_after_payload() -> None:
    feed = DeliveryServiceFeed("cdn1")
    for value in ("1", "2"):
        body = json.dumps({"deliveryService": {"a": {"total.kbps": [sample(value)]}}}).encode()
        assert [point.value for point in points_of(feed.read(body, oldest=0, most=9))] == [float(value)]


# --- numbers


def slow_number(text: str) -> str | None:
    """Return the decimal text of the nearest float, without an exponent or needless zeros: the reference."""
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII):
        return None
    value = float(text)
    if math.isinf(value):
        return None
    plain = f"{Decimal(repr(value)):f}"
    return re.sub(r"\.?0+$", "", plain) if "." in plain else plain


digits = st.text("0123456789", max_size=25)
numerals = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["", "", "-", "+", " "]),
    digits,
    st.sampled_from(["", ".", "."]),
    digits,
    st.sampled_from(["", "", "", "e5", "E-7", "e+300", "e-400", "e400", "_0", "x", "\n"]),
)


@given(numerals | st.text(max_size=8) | st.floats().map(repr) | st.integers().map(str))
@example("0" * 15)
@example("00.50")
@example("-0")
@example("0.1000000000000000055511151231257827")
@example("999999999999999.5")
@example("123456789012345678901234567890")
def test_a_number_is_written_as_by_the_slow_reference(text: str) -> None:
    written = number(text)
    assert written == slow_number(text)
    if written is not None:
        assert float(written) == float(text)
        assert "e" not in written.lower()


# --- arbitrary payloads

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
values = st.sampled_from(["5", "0.0", "NaN", "1e400", "", "7_0", "2.50"]) | st.floats().map(repr) | anything
times = st.integers(NOW - 10, NOW + 10) | st.integers() | anything
samples = st.fixed_dictionaries({"value": values, "time": times}) | anything
names = st.text(max_size=6) | st.sampled_from(
    ["edge-01", "total.kbps", "location.a.b.kbps", "type.EDGE.x", "a\\"]
)
stats = st.dictionaries(names, st.lists(samples, max_size=3) | anything, max_size=3)
owners = st.dictionaries(names, stats | anything, max_size=3)


def samples_in(owned_by: Mapping[str, Any]) -> int:
    """Return the expected number of points and drops: one per sample or thing that should hold samples."""
    count = 0
    for owned in owned_by.values():
        if isinstance(owned, dict):
            for items in owned.values():
                count += len(items) if isinstance(items, list) else items is not None
        elif owned is not None:
            count += 1
    return count


@given(owners, st.integers(1, 3))
def test_every_sample_is_a_point_or_a_counted_loss(payload: dict[str, Any], most: int) -> None:
    for read in (cache_stats, ds_stats):
        reading = read(payload, oldest=NOW, most=most)
        assert reading.points + sum(reading.dropped.values()) == samples_in(payload)
        assert all(0 < size <= most for size in reading.sizes)
        points = points_of(reading)
        assert len(points) == reading.points
        assert all(point.time >= NOW and math.isfinite(point.value) for point in points)
        assert all(point.tags["cdn"] == "cdn1" for point in points)


@given(st.binary(max_size=40) | anything.map(json.dumps).map(str.encode))
def test_any_bytes_give_a_reading_or_a_feed_error(body: bytes) -> None:
    for read in (cache_stats, ds_stats):
        try:
            reading = read(body)
        except FeedError:
            continue
        assert reading.points == len(points_of(reading))


@given(owners, st.data())
def test_a_payload_cut_or_overwritten_anywhere_gives_a_reading_or_a_feed_error(
    payload: dict[str, Any], data: st.DataObject
) -> None:
    whole = json.dumps({"caches": payload, "deliveryService": payload}).encode()
    at = data.draw(st.integers(0, len(whole)))
    body = whole[:at] + data.draw(st.binary(max_size=2)) + whole[at + data.draw(st.integers(0, 3)) :]
    for read in (cache_stats, ds_stats):
        try:
            reading = read(body)
        except FeedError:
            continue
        assert reading.points == len(points_of(reading))
