"""A Traffic Monitor's payload → stats by owner (a cache or a delivery service).

The payload is decoded into typed structures, which is the fast way. A payload that does not fit the types is
read again by a slower, lenient reader, which leaves out the bad stats, reports them and keeps the rest.
"""

import json
from collections.abc import Callable
from typing import Any

import msgspec

from tstats.errors import TstatsError

Drop = Callable[[str, str, str, object], None]
"""Reports a sample that is left out: the reason, its owner, its stat and the offending value."""


class FeedError(TstatsError):
    """The response of a Traffic Monitor is not a payload of the expected kind."""


class Sample(msgspec.Struct, gc=False):
    """A value of a stat; `time` is in ms."""

    time: int
    value: str


Stats = dict[str, dict[str, list[Sample] | None] | None]
"""Samples by owner and stat."""


class CacheStatsPayload(msgspec.Struct):
    """The payload of CacheStats."""

    caches: Stats | None


class DsStatsPayload(msgspec.Struct):
    """The payload of DsStats."""

    delivery_service: Stats | None = msgspec.field(name="deliveryService")


Decoder = msgspec.json.Decoder[CacheStatsPayload] | msgspec.json.Decoder[DsStatsPayload]


def decode_stats(body: bytes, decoder: Decoder, key: str, drop: Drop) -> Stats:
    """Return the stats of a payload.

    Args:
        body: the payload.
        decoder: decodes payloads of the expected kind.
        key: the member of the payload that holds the stats.
        drop: called for each part that is left out because it has the wrong type.

    Raises:
        FeedError: the body is not JSON, or not a payload of this kind.
    """
    try:
        payload = decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _decode_leniently(body, key, drop)
    return (payload.caches if isinstance(payload, CacheStatsPayload) else payload.delivery_service) or {}


def _decode_leniently(body: bytes, key: str, drop: Drop) -> Stats:
    """Return the stats of a payload of which parts have the wrong type."""
    try:
        # Bytes that are not UTF-8 become surrogates: only the name or value that contains them is left out.
        payload = json.loads(body.decode("utf-8-sig", "surrogateescape"), parse_int=_integer)
    except (ValueError, RecursionError) as error:
        start = body[:60].decode("utf-8", "replace")
        raise FeedError(f"invalid JSON ({error}); it begins with {start!r}") from error
    if not isinstance(payload, dict) or not isinstance(payload.get(key), dict | None) or key not in payload:
        raise FeedError(f"JSON without an object {key!r}")
    stats: Stats = {}
    for owner, owned in (payload[key] or {}).items():
        if owned is None:
            continue
        if not isinstance(owned, dict):
            drop("type", owner, "*", owned)
            continue
        stats[owner] = {
            stat: [sample for item in items or () if (sample := _sample(item, owner, stat, drop)) is not None]
            for stat, items in owned.items()
            if _is_list(items, owner, stat, drop)
        }
    return stats


def _is_list(items: object, owner: str, stat: str, drop: Drop) -> bool:
    if isinstance(items, list | None):
        return True
    drop("type", owner, stat, items)
    return False


def _integer(text: str) -> int | float:
    """Return a JSON integer; one of thousands of digits, which int() refuses to parse, as the float inf."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def _sample(item: Any, owner: str, stat: str, drop: Drop) -> Sample | None:  # noqa: ANN401 (any JSON)
    time = item.get("time") if isinstance(item, dict) else None
    value = item.get("value") if isinstance(item, dict) else None
    if type(time) is not int or type(value) not in (str, int, float):
        drop("type", owner, stat, item)
        return None
    return Sample(time=time, value=str(value))
