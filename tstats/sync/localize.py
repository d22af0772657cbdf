"""Localize differences: turn the survey of a window into the segments whose points have to be read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tstats.core.windows import ALL_TIME, Window, runs
from tstats.errors import TooMuchError
from tstats.sync.context import MeasurementContext
from tstats.sync.digest import BUCKET, Comparison
from tstats.sync.merge import Merge, Policy
from tstats.sync.read import both
from tstats.sync.segments import OneOf, Segment
from tstats.sync.survey import FEWEST_VALUES, Hour, Surveyor, WindowSurvey

# An hour with fewer points is read whole: finding the series in it would take longer.
SMALL_HOUR = 5_000
# The first and the last bucket of all reach beyond the times that a server can group by: digests miss them.
_UNDIGESTED = (
    Window(start=ALL_TIME.start, end=ALL_TIME.start // BUCKET * BUCKET + BUCKET),
    Window(start=ALL_TIME.end // BUCKET * BUCKET, end=ALL_TIME.end),
)
# So many rows can be read in the time that another query costs.
_ROWS_PER_QUERY = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A segment in which the sides may differ.

    Attributes:
        segment: what to look at.
        absent: the target has nothing of it, so that it can be copied without being compared.
    """

    segment: Segment
    absent: bool = False


class Localizer:
    """Finds the segments of a window in which the sides may differ.

    Args:
        measurement: the measurement.
        surveyor: asks for digests.
    """

    def __init__(self, measurement: MeasurementContext, surveyor: Surveyor) -> None:
        self._sides = surveyor.sides
        self._requests = measurement.sync.scheduler.requests
        self._exact_below = measurement.sync.options.exact_below
        self._surveyor = surveyor
        self._approach = surveyor.approach

    def find(self, window: Window) -> tuple[WindowSurvey, list[Suspect]]:
        """Survey a window; return the survey, and what is to be read because of it, oldest first."""
        survey = self._surveyor.survey(window)
        return survey, self._suspects(window, survey)

    def _suspects(self, window: Window, survey: WindowSurvey) -> list[Suspect]:
        source, target = survey.source, survey.target
        points = source.points(window) + target.points(window)
        if source.cells and target.cells and points <= self._exact_below:
            return [Suspect(segment=Segment(window=window))]
        buckets: dict[Comparison, set[int]] = {comparison: set() for comparison in Comparison}
        for bucket, comparison in survey.buckets.items():
            buckets[comparison].add(bucket)
        different, equal = buckets[Comparison.DIFFERENT], buckets[Comparison.EQUAL]
        if self._surveyor.interval is not None:  # complete hours are equal, whatever their values
            equal = set()
        elif not self._approach.same_series:
            different, equal = different | equal, set()
        in_sample = equal & self._differing_in_sample(window) if equal else set()
        suspects = [
            *(
                Suspect(segment=segment, absent=True)
                for segment in _hours(buckets[Comparison.ABSENT], window)
            ),
            *(Suspect(segment=segment) for segment in _hours(in_sample, window)),
            *(Suspect(segment=segment) for segment in self._narrowed(different, window, survey)),
            *(
                Suspect(segment=Segment(window=part))
                for bucket in _UNDIGESTED
                if (part := window.overlap(bucket))
            ),
        ]
        return sorted(suspects, key=lambda suspect: suspect.segment.window.start)

    def _differing_in_sample(self, window: Window) -> set[int]:
        """Return the hours in which the series of one value of the tag differ, point by point.

        Each window takes another value. The sample costs next to nothing, and shows what hides best from
        digests: minutes that all series lack, as many on one side as on the other, of constant values.
        """
        values = [value for value in self._approach.values if value]
        if self._approach.tag is None or len(values) < FEWEST_VALUES:
            return set()
        value = values[window.start // window.length % len(values)]
        segment = Segment(window=window, only=(OneOf(tag=self._approach.tag, values=(value,)),))
        merge = Merge(policy=Policy.MISSING, both_ways=False, fields=self._sides.source.fields)
        hours: set[int] = set()
        streams = (self._sides.source.rows(segment), self._sides.target.rows(segment))
        try:
            with both(self._requests, *streams) as (source, target):
                for difference, _ in merge.differences(source, target):
                    if difference is not None:
                        times = [row[0] for row in difference.to_target]
                        times += [row[0] for row, _ in difference.left]
                        hours.update(time // BUCKET * BUCKET for time in times)
        except TooMuchError:  # the sample is a bonus
            return set()
        return hours

    def _narrowed(self, different: set[int], window: Window, survey: WindowSurvey) -> Iterator[Segment]:
        """Yield what is to be read of the hours that differ: a few values of the tag, or whole hours."""
        hours = {bucket: hour for bucket, hour in survey.hours.items() if bucket in different and hour.values}
        dense: set[int] = set()
        for run in runs(different - hours.keys(), step=BUCKET):
            buckets = range(run.start, run.end, BUCKET)
            points = max(survey.source.points(run), survey.target.points(run))
            if self._approach.tag is None or points <= SMALL_HOUR * len(buckets):
                yield from _hours(buckets, window)
            else:
                dense.update(buckets)
        columns = self._surveyor.columns_to_find(dense, survey)
        for run in _with_small_gaps(dense):
            if part := run.overlap(window):
                try:
                    found = self._surveyor.by_value(Segment(window=part), columns)
                except TooMuchError:  # the points of a part may be less work than the digests of all
                    yield from _hours([bucket for bucket in dense if run.start <= bucket < run.end], window)
                else:
                    hours |= {bucket: hour for bucket, hour in found.items() if bucket in dense}
        yield from _hours([bucket for bucket, hour in hours.items() if not hour.is_narrow()], window)
        narrow = {bucket: hour for bucket, hour in hours.items() if hour.values and hour.is_narrow()}
        for run, values in _joined(narrow):
            if part := run.overlap(window):
                only = OneOf(tag=self._approach.tag or "", values=tuple(sorted(values)))
                yield Segment(window=part, only=(only,))


def _hours(hours: Iterable[int], window: Window) -> Iterator[Segment]:
    """Yield these hours of a window whole, neighbours joined."""
    parts = (run.overlap(window) for run in runs(hours, step=BUCKET))
    return (Segment(window=part) for part in parts if part is not None)


def _with_small_gaps(hours: set[int]) -> list[Window]:
    """Return the windows of these hours; two whose gap is no longer than both are joined: queries cost."""
    found: list[Window] = []
    for run in runs(hours, step=BUCKET):
        if found and run.start - found[-1].end <= found[-1].length + run.length:
            found[-1] = Window(start=found[-1].start, end=run.end)
        else:
            found.append(run)
    return found


def _joined(hours: dict[int, Hour]) -> Iterator[tuple[Window, set[str]]]:
    """Yield the hours with their values; neighbours are joined where that is less work than another query."""
    window: Window | None = None
    values: set[str] = set()
    rows = 0.0
    for bucket, hour in sorted(hours.items()):
        union = values | hour.values
        rows_per_value = hour.differing / len(hour.values)
        if window is not None and window.end == bucket:
            joined = rows_per_value * len(union) * ((bucket - window.start) // BUCKET + 1)
            if joined <= rows + hour.differing + _ROWS_PER_QUERY:
                window = Window(start=window.start, end=bucket + BUCKET)
                values, rows = union, joined
                continue
        if window is not None:
            yield window, values
        window, values, rows = Window(start=bucket, end=bucket + BUCKET), set(hour.values), hour.differing
    if window is not None:
        yield window, values
