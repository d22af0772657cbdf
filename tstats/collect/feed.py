"""A Traffic Monitor's payload → points, as lines of line protocol with times in milliseconds.

This is the hot path of the collector: the lines are made straight from the decoded structures. All times in
this module are those of the payload, in milliseconds.
"""

import math
import reprlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from sys import intern

import msgspec

from tstats.collect.payload import CacheStatsPayload, Decoder, DsStatsPayload, decode_stats
from tstats.core.time import LATEST as LATEST_NS
from tstats.core.time import MILLISECOND, MINUTE
from tstats.errors import LineProtocolError
from tstats.influx import line_protocol
from tstats.traffic_control.inventory import Cache

LATEST = LATEST_NS // MILLISECOND
"""The last time, in ms, that InfluxDB can store (in the year 2262)."""

_MINUTE = MINUTE // MILLISECOND

_EXAMPLES = 5
_SHOWN = 80  # characters of a name or a value in an example; a hostile one may be as long as the payload
_EXACT_DIGITS = 15  # a decimal number of so many digits is also the shortest text of its float


class Reading(msgspec.Struct, kw_only=True):
    """What was read from a payload.

    Attributes:
        batches: bodies of write requests.
        sizes: the number of points of each batch.
        newest: the newest time of a point, in ms; 0 when there are no points.
        minutes: the starts of the minutes in which the points lie, in ms, sorted.
        dropped: the number of samples that were left out, by reason.
        examples: a few of them, described for the log.
        unknown: caches that are not in the inventory; their points lack the tags that it provides.
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
        """The number of points."""
        return sum(self.sizes)

    def close_batch(self, lines: list[str]) -> None:
        """Move the lines, if there are any, into a new batch."""
        if not lines:
            return
        self.batches.append("\n".join(lines).encode())
        self.sizes.append(len(lines))
        lines.clear()

    def drop(self, reason: str, owner: str, stat: str, detail: object = "", *, count: int = 1) -> None:
        """Count samples that are left out, and keep the first few as examples."""
        self.dropped[reason] += count
        if len(self.examples) < _EXAMPLES:
            # reprlib limits the depth: a deeply nested value would exhaust the stack.
            text = detail if isinstance(detail, str) else reprlib.repr(detail)
            self.examples.append(f"{reason}: {owner[:_SHOWN]!r} {stat[:_SHOWN]!r} {text[:_SHOWN]!r}")


def number(text: str) -> str | None:
    """Return a number as line protocol writes a float: the shortest decimal text, without an exponent.

    Returns:
        The text; None if the number is invalid or not finite.

    >>> number("61557"), number("0.000000"), number("2.50"), number("1e3"), number("NaN"), number("1e400")
    ('61557', '0', '2.5', '1000', None, None)
    """
    if not text.isascii():  # float() accepts the digits of every script
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

    _key: str  # the member of the payload that holds the stats
    _decoder: Decoder

    def __init__(self, cdn: str) -> None:
        self._cdn = cdn
        # The beginning of each series' lines, kept from one payload to the next; None: it cannot be written.
        self._prefixes: dict[str, dict[str, str | None]] = {}

    def read(self, body: bytes, *, oldest: int, most: int) -> Reading:
        """Return the points of a payload.

        Args:
            body: the payload.
            oldest: samples before this time (ms) are left out.
            most: the largest number of points in a batch.

        Raises:
            FeedError: the body is not JSON, or not a payload of this kind.
        """
        reading = Reading()
        stats = decode_stats(body, self._decoder, self._key, reading.drop)
        known, self._prefixes = self._prefixes, {}  # keeps only what is in this payload
        lines: list[str] = []
        newest = 0
        minutes: set[int] = set()
        begin = end = 0  # the minute of the last sample, which mostly is that of the next sample too
        for owner, owned in stats.items():
            prefixes = self._prefixes[owner] = known.get(owner, {})
            for stat, samples in (owned or {}).items():
                if not samples:
                    continue
                if stat not in prefixes:
                    prefixes[intern(stat)] = self._prefix(owner, stat)  # one string object for all owners
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
                    if time > newest:  # noqa: PLR1730 (max would cost a call per sample)
                        newest = time
                    if not begin <= time < end:
                        begin = time // _MINUTE * _MINUTE
                        end = begin + _MINUTE
                        minutes.add(begin)
                    lines.append(f"{prefix}{value} {time}")
                    if len(lines) == most:
                        reading.close_batch(lines)
        reading.close_batch(lines)
        reading.newest = newest
        reading.minutes = sorted(minutes)
        return reading

    def _prefix(self, owner: str, stat: str) -> str | None:
        if not owner:  # line protocol has no empty tags: these points would belong to no owner
            return None
        try:
            name, tags = self._series(owner, stat)
            return f"{line_protocol.measurement(name)}{line_protocol.tag_set(tags)} value="
        except LineProtocolError:
            return None

    @abstractmethod
    def _series(self, owner: str, stat: str) -> tuple[str, dict[str, str]]:
        """Return the measurement and tags of a stat.

        Raises:
            LineProtocolError: the name of the stat has no known form.
        """


class CacheFeed(_Feed):
    """Reads CacheStats.

    Args:
        cdn: the name of the CDN.
        caches: the inventory's caches by host name.
    """

    _key = "caches"
    _decoder = msgspec.json.Decoder(CacheStatsPayload)

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
        """Return the points of a payload, and the caches in it that are not in the inventory."""
        reading = super().read(body, oldest=oldest, most=most)
        reading.unknown = {host for host in self._prefixes if host not in self._caches}
        return reading


class DeliveryServiceFeed(_Feed):
    """Reads DsStats."""

    _key = "deliveryService"
    _decoder = msgspec.json.Decoder(DsStatsPayload)

    def _series(self, owner: str, stat: str) -> tuple[str, dict[str, str]]:
        """Return the measurement and tags; the location lies between the prefix and the last dot.

        Names of locations may contain dots.
        """
        tags = {"deliveryservice": owner, "cdn": self._cdn}
        scope, _, metric = stat.partition(".")
        if scope == "total":
            return metric, tags | {"cachegroup": "total"}
        where, _, metric = metric.rpartition(".")
        if scope == "location" and where:
            return metric, tags | {"cachegroup": where}
        if scope == "type" and where:
            return metric, tags | {"cachegroup": "all", "type": where}
        raise LineProtocolError(f"unknown stat {stat!r}; known are total.X, location.L.X and type.T.X")
