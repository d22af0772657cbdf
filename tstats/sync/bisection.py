"""Bisect what is too much for a server at once, and know the values of the tags between which it is cut."""

from collections.abc import Callable, Sequence
from typing import Protocol

from tstats.core.windows import Window
from tstats.errors import TooMuchError
from tstats.sync.digest import Column, Digest, Function
from tstats.sync.read import SideReader
from tstats.sync.segments import Segment

# The most groups of a digest: of many series, so many groups cost the servers little more than one.
_MOST_GROUPS = 64
# With fewer values of every tag, a digest by groups costs a fifth more and narrows nothing down.
_MANY_VALUES = 500


class _Side(Protocol):
    def values(self, tag: str) -> list[str]: ...


class TagValues:
    """The values of the tags of one measurement, on both sides together; each tag is read once.

    Args:
        sides: the readers of both sides.
        tags: the keys of the tags.
    """

    def __init__(self, sides: Sequence[_Side], tags: tuple[str, ...]) -> None:
        self._sides = sides
        self._tags = tags
        self._values: dict[str, tuple[str, ...]] = {}

    def of(self, tag: str) -> tuple[str, ...]:
        """Return the values of a tag, and the empty one for series without the tag."""
        if tag not in self._values:
            found = {value for side in self._sides for value in side.values(tag)}
            self._values[tag] = ("", *sorted(found))
        return self._values[tag]

    def by_number(self) -> list[str]:
        """Return the tags, those with the most values first."""
        return sorted(self._tags, key=lambda tag: -len(self.of(tag)))

    def groups(self) -> tuple[str, ...]:
        """Return the tags to group digests by: all of them, or those with few values, or none."""
        sizes = {tag: len(self.of(tag)) for tag in self._tags}
        found, product = [], 1
        for tag in sorted(self._tags, key=lambda tag: (sizes[tag], tag)):
            product *= sizes[tag]
            if product <= _MOST_GROUPS:
                found.append(tag)
        is_worth_it = len(found) == len(sizes) or max(sizes.values()) >= _MANY_VALUES
        return tuple(found) if is_worth_it else ()


class Bisector:
    """Does work on a segment, or on its halves where it is too much for a server at once.

    Args:
        tags: the values between which a segment can be cut.
    """

    def __init__(self, tags: TagValues) -> None:
        self._tags = tags

    def do(self, work: Callable[[Segment], None], segment: Segment) -> None:
        """Call `work` with a segment, or with parts that together are the segment, oldest first.

        Raises:
            TooMuchError: it is still too much, and cannot be cut further.
        """
        try:
            work(segment)
        except TooMuchError as error:
            parts = self._parts(segment, error)
            if len(parts) == 1:
                raise
            for part in parts:
                self.do(work, part)

    def digest(
        self,
        side: SideReader,
        window: Window,
        columns: tuple[Column, ...],
        groups: tuple[str, ...],
        *functions: Function,
    ) -> Digest:
        """Return the digest of a window of one side, put together from parts if need be."""
        whole = Digest(columns)
        for function in functions:

            def read(segment: Segment, function: Function = function) -> None:
                whole.merge(side.digest(segment, columns, groups, function))

            self.do(read, Segment(window=window))
        return whole

    def _parts(self, segment: Segment, error: TooMuchError) -> tuple[Segment, ...]:
        in_time = segment.halves_in_time()
        if not error.by_series and len(in_time) > 1:
            return in_time
        for tag in self._tags.by_number():
            parts = segment.halves_in_series(tag, self._tags.of(tag))
            if len(parts) > 1:
                return parts
        return in_time
