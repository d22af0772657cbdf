"""Pair the shards of two servers, and decide which pairs can be synced by their blocks."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from tstats.core.time import HOUR
from tstats.core.windows import Window
from tstats.sync.options import SyncOptions
from tstats.sync.plan import PolicyName, asked_policies

SETTLED = 4 * HOUR
"""How long after its end a shard is left to queries: it may still be written to, and is not compacted."""


class PlacedShard(Protocol):
    """A shard of one server, as `influx.measurements.ServerShard`."""

    @property
    def number(self) -> int:
        """Its id."""

    @property
    def place(self) -> PolicyName:
        """Its database and retention policy."""

    @property
    def window(self) -> Window:
        """The times whose points it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardPair:
    """The shards of both sides that hold the same times.

    Attributes:
        place: their database and retention policy.
        window: the times.
        source, target: their ids; None where a side has no such shard.
        obstacle: why the pair cannot be synced by blocks; None where it can.
    """

    place: PolicyName
    window: Window
    source: int | None
    target: int | None
    obstacle: str | None = None

    @property
    def name(self) -> str:
        """The full name, for reports and errors."""
        return f"{'.'.join(self.place)} {self.window}"


def pair_shards(
    options: SyncOptions,
    source: Iterable[PlacedShard],
    target: Iterable[PlacedShard],
    kept: Mapping[PolicyName, Window],
) -> list[ShardPair]:
    """Pair the shards of the retention policies that are asked for, oldest first.

    Args:
        options: what is asked for.
        source: the shards of one side.
        target: those of the other.
        kept: by retention policy, the window in which both sides keep points.
    """
    pairs: list[ShardPair] = []
    for place in asked_policies(options):
        if place not in kept:
            continue
        ours, theirs = (
            {shard.window: shard.number for shard in shards if shard.place == place}
            for shards in (tuple(source), tuple(target))
        )
        for window in sorted(ours.keys() | theirs.keys()):
            if window.overlap(kept[place]) is None:
                continue
            others = theirs if window in ours else ours
            pairs.append(
                ShardPair(
                    place=place,
                    window=window,
                    source=ours.get(window),
                    target=theirs.get(window),
                    obstacle=_obstacle(options, window, others, kept[place]),
                )
            )
    return pairs


def _obstacle(options: SyncOptions, window: Window, others: Collection[Window], kept: Window) -> str | None:
    if options.measurements:
        return "only some measurements are asked for"
    if window.overlap(kept) != window:
        return "only a part of it is asked for or kept"
    if window.end > options.now - SETTLED:
        return f"it ended less than {SETTLED // HOUR} hours ago"
    if window not in others and any(window.overlap(other) for other in others):
        return "the shards of the two sides have different edges"
    return None
