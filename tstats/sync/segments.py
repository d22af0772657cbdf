"""Segments: the parts of a measurement that one comparison is about, and how they are bisected."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tstats.core.windows import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """The series whose tag has one of some values; the empty value stands for series without the tag."""

    tag: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The points of a window whose series meet every condition.

    >>> whole = Segment(window=Window(start=0, end=2))
    >>> [half.window.start for half in whole.halves_in_time()]
    [0, 1]
    """

    window: Window
    only: tuple[OneOf, ...] = ()

    def narrowed(self, condition: OneOf) -> "Segment":
        """Return the part that meets this condition too; it replaces one on the same tag."""
        others = tuple(held for held in self.only if held.tag != condition.tag)
        return replace(self, only=(*others, condition))

    def halves_in_time(self) -> "tuple[Segment, ...]":
        """Return two segments that together are this one; only itself when it cannot be cut."""
        return tuple(replace(self, window=half) for half in self.window.halves())

    def halves_in_series(self, tag: str, values: Sequence[str]) -> "tuple[Segment, ...]":
        """Return two segments that together are this one, cut between the values of a tag.

        Args:
            tag: the tag.
            values: all that it has in the measurement; the empty one stands for series without it.
        """
        held = next((condition.values for condition in self.only if condition.tag == tag), tuple(values))
        middle = len(held) // 2
        if not middle:
            return (self,)
        return tuple(self.narrowed(OneOf(tag=tag, values=part)) for part in (held[:middle], held[middle:]))
