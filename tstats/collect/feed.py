"""A Traffic Monitor's payload → points, as lines of line protocol with times in milliseconds.

The payloads are decoded into typed structures and the lines made straight from them: this is the hot path
of the collector. What does not fit the types is read again by a slower, forgiving reader that leaves out
the bad stats, counts them and keeps the rest.
"""

import json
import math
import reprlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from sys import intern
from typing import Any

import msgspec

from tstats.errors import LineProtocolError, TstatsError
from tstats.influx import line_protocol
from tstats.traffic_control.inventory import Cache

# The newest time, in ms, that an InfluxDB can hold (2262-04-11).
LATEST = 9_223_372_036_854
MINUTE_MS = 60_000

_EXAMPLES = 5
_SHOWN = 80  # characters of a name or a value in an example: a hostile one may be as long as the payload
_EXACT_DIGITS = 15  # a decimal text of so many digits is its float's shortest text, too


class FeedError(TstatsError):
    """The payload as a whole is no answer of a Traffic Monitor."""


class Sample(msgspec.Struct, gc=False):
    """One value of a stat; `time` in ms."""

    time: int
    value: str


_Stats = dict[str, dict[str, list[Sample] | None] | None]


class _CacheStats(msgspec.Struct):
    caches: _Stats | None


class _DsStats(msgspec.Struct):
    delivery_service: _Stats | None = msgspec.field(name="deliveryService")


class Reading(msgspec.Struct, kw_only=True):
    """What one payload gave.

    Attributes:
        batches: bodies of a write request, each of at most the asked number of points.
        sizes: the number of points of each batch.
        newest: the newest time among the points, ms; 0 when there is none.
        minutes: the minutes that the points lie in, by their start (ms), sorted.
        dropped: the samples left out, by reason.
        examples: a few of them, in words, for the log.
        unknown: caches that the inventory does not know; their points lack its tags.
    """

    batches: list[bytes] = []
    sizes: list[int] = []
    newest: int = 0
    minutes: list[int] = []
    dropped: Counter[str] = msgspec.field(default_factory=Counter)
    examples: list[str] = []
    unknown: set[str] = msgspec.field(default_factory=set)

    @property
    def points(self) -> int:
        """How many points there are."""
        return sum(self.sizes)

    def close_batch(self, lines: list[str]) -> None:
        """Make a batch of the lines, if there are any, and empty them."""
        if not lines:
            return
        self.batches.append("\n".join(lines).encode())
        self.sizes.append(len(lines))
        lines.clear()

    def drop(self, reason: str, owner: str, stat: str, detail: object = "", *, count: int = 1) -> None:
        """Count samples that are left out, and keep the first few as examples."""
        self.dropped[reason] += count
        if len(self.examples) < _EXAMPLES:
            # reprlib goes only so deep into what it shows: a deeply nested value would exhaust the stack.
            text = detail if isinstance(detail, str) else reprlib.repr(detail)
            self.examples.append(f"{reason}: {owner[:_SHOWN]!r} {stat[:_SHOWN]!r} {text[:_SHOWN]!r}")


def number(text: str) -> str | None:
    """A decimal number as line protocol writes a float (no exponent, no needless digits), or None.

    Shortest decimal text that gives the same float; None for what is no finite number.

    >>> number("61557"), number("0.000000"), number("2.50"), number("1e3"), number("NaN"), number("1e400")
    ('61557', '0', '2.5', '1000', None, None)
    """
    if not text.isascii():  # float() takes the digits of every script
        return None
    if len(text) <= _EXACT_DIGITS:
        whole, dot, fraction = text.partition(".")
        if whole.isdigit() and (whole[0] != "0" or len(whole) == 1):
            if not dot:
                return text
            if fraction.isdigit():
                return text.rstrip("0").rstrip(".")
    try:
        value = float(text)
    except ValueError:
        return None
    if not math.isfinite(value) or "_" in text or text != text.strip():
        return None
    plain = format(Decimal(repr(value)), "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


class _Feed(ABC):
    """Reads the payloads of one CDN, one after the other."""

    _key: str  # of the object that holds the stats
    _decoder: "msgspec.json.Decoder[_CacheStats] | msgspec.json.Decoder[_DsStats]"

    def __init__(self, cdn: str) -> None:
        self._cdn = cdn
        # The start of each series' lines, kept from one payload to the next; None cannot be written.
        self._prefixes: dict[str, dict[str, str | None]] = {}

    def read(self, body: bytes, *, oldest: int, most: int) -> Reading:
        """The points of a payload.

        Args:
            body: the payload.
            oldest: samples before this time (ms) are left out.
            most: the largest number of points in a batch.

        Raises:
            FeedError: the payload is no JSON of this kind.
        """
        reading = Reading()
        stats = _decoded(body, self._decoder, self._key, reading)
        known, self._prefixes = self._prefixes, {}  # what is in this payload alone is kept
        lines: list[str] = []
        newest = 0
        minutes: set[int] = set()
        begin = end = 0  # of the minute that the last sample lies in: the next one mostly does, too
        for owner, owned in stats.items():
            prefixes = self._prefixes[owner] = known.get(owner, {})
            for stat, samples in (owned or {}).items():
                if not samples:
                    continue
                if stat not in prefixes:
                    prefixes[intern(stat)] = self._written_prefix(owner, stat)  # one text for all owners
                prefix = prefixes[stat]
                if prefix is None:
                    reading.drop("name", owner, stat, count=len(samples))
                    continue
                for sample in samples:
                    time = sample.time
                    if not oldest <= time <= LATEST:
                        reading.drop("old" if time < oldest else "time", owner, stat, time)
                        continue
                    value = number(sample.value)
                    if value is None:
                        reading.drop("value", owner, stat, sample.value)
                        continue
                    if time > newest:  # noqa: PLR1730 (max costs a call for each sample)
                        newest = time
                    if not begin <= time < end:
                        begin = time // MINUTE_MS * MINUTE_MS
                        end = begin + MINUTE_MS
                        minutes.add(begin)
                    lines.append(f"{prefix}{value} {time}")
                    if len(lines) == most:
                        reading.close_batch(lines)
        reading.close_batch(lines)
        reading.newest = newest
        reading.minutes = sorted(minutes)
        return reading

    def _written_prefix(self, owner: str, stat: str) -> str | None:
        if not owner:  # a tag without a value is left out: these points would be nobody's
            return None
        try:
            name, tags = self._series(owner, stat)
            return f"{line_protocol.measurement(name)}{line_protocol.tag_set(tags)} value="
        except LineProtocolError:
            return None

    @abstractmethod
    def _series(self, owner: str, stat: str) -> tuple[str, dict[str, str]]:
        """The measurement and tags of a stat; raises LineProtocolError where it has none."""


class CacheFeed(_Feed):
    """Reads CacheStats.

    Args:
        cdn: the name of the CDN.
        caches: its caches by host name, from the inventory.
    """

    _key = "caches"
    _decoder = msgspec.json.Decoder(_CacheStats)

    def __init__(self, cdn: str, caches: Mapping[str, Cache]) -> None:
        super().__init__(cdn)
        self._caches = caches

    def _series(self, owner: str, stat: str) -> tuple[str, dict[str, str]]:
        tags = {"hostname": owner, "cdn": self._cdn}
        cache = self._caches.get(owner)
        if cache is not None:
            tags |= {"cachegroup": cache.cachegroup, "type": cache.type}
        return stat.replace(".bandwidth", ".kbps", 1).replace("-", "_"), tags

    def read(self, body: bytes, *, oldest: int, most: int) -> Reading:
        """The points of a payload, and the caches in it that the inventory does not know."""
        reading = super().read(body, oldest=oldest, most=most)
        reading.unknown = {host for host in self._prefixes if host not in self._caches}
        return reading


class DeliveryServiceFeed(_Feed):
    """Reads DsStats."""

    _key = "deliveryService"
    _decoder = msgspec.json.Decoder(_DsStats)

    def _series(self, owner: str, stat: str) -> tuple[str, dict[str, str]]:
        """Location and stat names may hold dots: between the prefix and the last dot is the location."""
        tags = {"deliveryservice": owner, "cdn": self._cdn}
        scope, _, metric = stat.partition(".")
        if scope == "total":
            return metric, tags | {"cachegroup": "total"}
        where, _, metric = metric.rpartition(".")
        if scope == "location" and where:
            return metric, tags | {"cachegroup": where}
        if scope == "type" and where:
            return metric, tags | {"cachegroup": "all", "type": where}
        raise LineProtocolError(f"neither total.X, location.L.X nor type.T.X: {stat!r}")


def _decoded(
    body: bytes,
    decoder: "msgspec.json.Decoder[_CacheStats] | msgspec.json.Decoder[_DsStats]",
    key: str,
    reading: Reading,
) -> _Stats:
    try:
        answer = decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _forgiving(body, key, reading)
    return (answer.caches if isinstance(answer, _CacheStats) else answer.delivery_service) or {}


def _forgiving(body: bytes, key: str, reading: Reading) -> _Stats:
    """The same structure out of a payload of which parts have other types than they should."""
    try:
        # Bytes that are no UTF-8 become surrogates: what they are part of is left out, and only that.
        answer = json.loads(body.decode("utf-8-sig", "surrogateescape"), parse_int=_integer)
    except (ValueError, RecursionError) as error:
        start = body[:60].decode("utf-8", "replace")
        raise FeedError(f"no JSON ({error}); it begins with {start!r}") from error
    if not isinstance(answer, dict) or not isinstance(answer.get(key), dict | None) or key not in answer:
        raise FeedError(f"JSON without an object {key!r}")
    stats: _Stats = {}
    for owner, owned in (answer[key] or {}).items():
        if owned is None:
            continue
        if not isinstance(owned, dict):
            reading.drop("type", owner, "*", owned)
            continue
        stats[owner] = {
            stat: [
                sample for item in items or () if (sample := _sample(item, owner, stat, reading)) is not None
            ]
            for stat, items in owned.items()
            if _is_list(items, owner, stat, reading)
        }
    return stats


def _is_list(items: object, owner: str, stat: str, reading: Reading) -> bool:
    if isinstance(items, list | None):
        return True
    reading.drop("type", owner, stat, items)
    return False


def _integer(text: str) -> int | float:
    """A JSON integer; one of thousands of digits, which int() refuses to read, as the float inf."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def _sample(item: Any, owner: str, stat: str, reading: Reading) -> Sample | None:  # noqa: ANN401 (any JSON)
    time = item.get("time") if isinstance(item, dict) else None
    value = item.get("value") if isinstance(item, dict) else None
    if type(time) is not int or type(value) not in (str, int, float):
        reading.drop("type", owner, stat, item)
        return None
    return Sample(time=time, value=str(value))
