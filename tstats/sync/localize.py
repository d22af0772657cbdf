"""Finds where two sides of a measurement differ: hours by digests, then values of a tag, then points."""

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

from tstats.core.windows import Window, runs
from tstats.errors import TooMuchError
from tstats.sync.digest import BUCKET, Verdict
from tstats.sync.merge import Merge, Policy
from tstats.sync.read import Reader, begun
from tstats.sync.segments import OneOf, Portion
from tstats.sync.survey import FEWEST_VALUES, Approach, Hour, Survey, Surveyor

# An hour with fewer points is read whole: to find the series in it would take longer.
SMALL_HOUR = 5_000
# So many rows can be read in the time that another query costs.
_ROWS_OF_A_QUERY = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A portion of a measurement in which the sides may differ.

    Attributes:
        portion: what to look at.
        absent: the target has nothing of it, so that it can be copied without being compared.
    """

    portion: Portion
    absent: bool = False


class Localizer:
    """Turns the survey of a window into the portions that are to be read.

    Args:
        source: reader of one side.
        target: reader of the other.
        surveyor: looks closer.
        approach: how to look.
        executor: begins the requests to both sides at the same time.
    """

    def __init__(
        self,
        source: Reader,
        target: Reader,
        *,
        surveyor: Surveyor,
        approach: Approach,
        executor: Executor,
    ) -> None:
        self._source = source
        self._target = target
        self._surveyor = surveyor
        self._approach = approach
        self._executor = executor

    def work(self, window: Window, survey: Survey) -> list[Work]:
        """What is to be read of a window after a survey of it, oldest first.

        Raises:
            TooMuchError: a half of the window can succeed.
        """
        source, target = survey.source, survey.target
        if (
            source.cells
            and target.cells
            and source.points(window) + target.points(window) <= self._approach.few
        ):
            return [Work(portion=Portion(window=window))]
        by_verdict: dict[Verdict, set[int]] = {verdict: set() for verdict in Verdict}
        for bucket, verdict in survey.verdicts.items():
            by_verdict[verdict].add(bucket)
        absent, suspect = by_verdict[Verdict.ABSENT], by_verdict[Verdict.DIFFERENT]
        trusted = by_verdict[Verdict.EQUAL]
        if not self._approach.same_series:
            suspect, trusted = suspect | trusted, set()
        in_sample = trusted & self._differing_in_sample(window) if trusted else set()
        return sorted(
            [
                *(Work(portion=portion, absent=True) for portion in _whole(absent, window)),
                *(Work(portion=portion) for portion in _whole(in_sample, window)),
                *(Work(portion=portion) for portion in self._localized(suspect, window, survey)),
            ],
            key=lambda one: one.portion.window.start,
        )

    def _differing_in_sample(self, window: Window) -> set[int]:
        """The hours in which the series of one value of the tag differ, point by point.

        Each window takes another value. It costs next to nothing, and shows what hides best from digests:
        minutes that all series lack, as many on one side as on the other, of values that are constant.
        """
        values = [value for value in self._approach.values if value]
        if self._approach.tag is None or len(values) < FEWEST_VALUES:
            return set()
        value = values[window.start // window.length % len(values)]
        portion = Portion(window=window, only=(OneOf(tag=self._approach.tag, values=(value,)),))
        merge = Merge(policy=Policy.MISSING, both_ways=False, fields=self._source.fields)
        hours: set[int] = set()
        try:
            with (
                begun(self._executor, self._source.rows(portion)) as source,
                begun(self._executor, self._target.rows(portion)) as target,
            ):
                for difference, _ in merge.differences(source, target):
                    if difference is not None:
                        times = [row[0] for row in difference.to_target]
                        times += [row[0] for row, _ in difference.left]
                        hours.update(time // BUCKET * BUCKET for time in times)
        except TooMuchError:  # the sample is a bonus
            return set()
        return hours

    def _localized(self, suspect: set[int], window: Window, survey: Survey) -> Iterator[Portion]:
        """What is to be read of the hours that differ: a few values of the tag, or whole hours."""
        hours = {bucket: hour for bucket, hour in survey.hours.items() if bucket in suspect and hour.values}
        dense: set[int] = set()
        for run in runs(suspect - hours.keys(), step=BUCKET):
            buckets = range(run.start, run.end, BUCKET)
            points = max(survey.source.points(run), survey.target.points(run))
            if self._approach.tag is None or points <= SMALL_HOUR * len(buckets):
                yield from _whole(buckets, window)
            else:
                dense.update(buckets)
        of = self._surveyor.columns_to_find(dense, survey)
        for run in _with_small_gaps(dense):
            if part := run.overlap(window):
                try:
                    found = self._surveyor.by_value(part, of)
                except TooMuchError:  # the points of a part may be less work than the digests of all
                    yield from _whole([bucket for bucket in dense if run.start <= bucket < run.end], window)
                else:
                    hours |= {bucket: hour for bucket, hour in found.items() if bucket in dense}
        yield from _whole([bucket for bucket, hour in hours.items() if not hour.is_narrow()], window)
        narrow = {bucket: hour for bucket, hour in hours.items() if hour.values and hour.is_narrow()}
        for run, values in _joined(narrow):
            if part := run.overlap(window):
                only = OneOf(tag=self._approach.tag or "", values=tuple(sorted(values)))
                yield Portion(window=part, only=(only,))


def _whole(hours: Iterable[int], window: Window) -> Iterator[Portion]:
    """These hours of the window, neighbours joined."""
    parts = (run.overlap(window) for run in runs(hours, step=BUCKET))
    return (Portion(window=part) for part in parts if part is not None)


def _with_small_gaps(hours: set[int]) -> list[Window]:
    """The windows of these hours; two whose gap is no longer than both are one: each query has its price."""
    found: list[Window] = []
    for run in runs(hours, step=BUCKET):
        if found and run.start - found[-1].end <= found[-1].length + run.length:
            found[-1] = Window(start=found[-1].start, end=run.end)
        else:
            found.append(run)
    return found


def _joined(hours: dict[int, Hour]) -> Iterator[tuple[Window, set[str]]]:
    """The hours, each with its values; neighbours are joined where that is less work than another query."""
    window: Window | None = None
    values: set[str] = set()
    rows = 0.0
    for bucket, hour in sorted(hours.items()):
        both = values | hour.values
        of_one = hour.differing / len(hour.values)  # rows of one value in one hour
        if window is not None and window.end == bucket:
            joined = of_one * len(both) * ((bucket - window.start) // BUCKET + 1)
            if joined <= rows + hour.differing + _ROWS_OF_A_QUERY:
                window = Window(start=window.start, end=bucket + BUCKET)
                values, rows = both, joined
                continue
        if window is not None:
            yield window, values
        window, values, rows = Window(start=bucket, end=bucket + BUCKET), set(hour.values), hour.differing
    if window is not None:
        yield window, values
