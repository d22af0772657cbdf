"""A part of a measurement that one request is about: a window of time, and the series in it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tstats.core.windows import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """The series whose tag has one of some values; the empty value is a tag that is not set."""

    tag: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """The points of a window whose series meet every condition.

    >>> from tstats.core.windows import Window
    >>> whole = Portion(window=Window(start=0, end=2))
    >>> [part.window.start for part in whole.halves_in_time()]
    [0, 1]
    """

    window: Window
    only: tuple[OneOf, ...] = ()

    def narrowed(self, condition: OneOf) -> "Portion":
        """Those that meet this condition too; it takes the place of one on the same tag."""
        others = tuple(held for held in self.only if held.tag != condition.tag)
        return replace(self, only=(*others, condition))

    def halves_in_time(self) -> "tuple[Portion, ...]":
        """Two portions that are this one; itself alone when it cannot be cut."""
        return tuple(replace(self, window=half) for half in self.window.halves())

    def halves_in_series(self, tag: str, values: Sequence[str]) -> "tuple[Portion, ...]":
        """Two portions that are this one, cut between the values of a tag.

        Args:
            tag: the tag.
            values: all that it has in the measurement; the empty one stands for series without it.
        """
        held = next((condition.values for condition in self.only if condition.tag == tag), tuple(values))
        middle = len(held) // 2
        if not middle:
            return (self,)
        parts = (held[:middle], held[middle:])
        return tuple(self.narrowed(OneOf(tag=tag, values=part)) for part in parts)
