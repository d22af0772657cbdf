"""Verify a window after it has been written: do the servers now hold what they should?"""

from collections.abc import Mapping

from tstats.core.windows import Window, runs
from tstats.sync.context import MeasurementContext
from tstats.sync.digest import BUCKET, Column, Digest, Function, Numbers, equal, increase
from tstats.sync.read import SideReader
from tstats.sync.survey import WindowSurvey
from tstats.sync.transfer import Findings


class Verifier:
    """Finds the hours of a window that do not hold what they should, by new digests.

    Args:
        measurement: the measurement.
        groups: the tags by which its digests are grouped.
    """

    def __init__(self, measurement: MeasurementContext, groups: tuple[str, ...]) -> None:
        self._measurement = measurement
        self._sides = measurement.sides.asking_always()
        self._columns = measurement.columns
        self._groups = groups

    def doubts(
        self, window: Window, found: Findings, survey: WindowSurvey | None, *, blind: bool
    ) -> list[Window]:
        """Return the parts of a window that have to be compared point by point.

        Args:
            window: what was synced, and has been written.
            found: what was found in it.
            survey: what was known before; None where nothing was asked.
            blind: it was copied without asking either side for a digest.
        """
        if not found.wrote:
            if survey is None or not self._measurement.sync.options.apply:
                return []
            # Counts lead to series that lack points in the source, and do not show lower values beside them.
            return self._differing(window, expected(survey.source, found), survey.target.totals())
        if not self._columns:
            return [window]
        target = self._sides.target
        if blind and len(self._measurement.plan.fields) == 1:
            copied = self._digest(target, window, "count").total()[0]
            return [] if copied == found.copied else [window]
        if survey is not None and not found.to_source:
            source = survey.source
        else:
            source = self._digest(self._sides.source, window, "count", "sum")
        wanted = expected(source, found)
        return self._differing(window, wanted, self._held(window, found, survey, wanted))

    def _held(
        self, window: Window, found: Findings, survey: WindowSurvey | None, wanted: Mapping[int, Numbers]
    ) -> Mapping[int, Numbers]:
        """Return what the target holds by bucket.

        Where points with one number were only added, the server is asked for their count: the sum follows
        from the former one and from what was written; in hours that were copied whole, from the source's.
        """
        target = self._sides.target
        counts_and_sums = [column.function for column in self._columns] == ["count", "sum"]
        if survey is None or found.replaced or not counts_and_sums:
            return self._digest(target, window, "count", "sum").totals()
        sums = {bucket: numbers[1] for bucket, numbers in wanted.items()}
        totals = survey.target.totals()
        for bucket in totals.keys() | found.added.keys():
            sums[bucket] = sum(part[bucket][1] for part in (totals, found.added) if bucket in part)
        counts = self._digest(target, window, "count").totals()
        return {bucket: (count, sums.get(bucket, 0)) for bucket, (count, _) in counts.items()}

    def _digest(self, side: SideReader, window: Window, *functions: Function) -> Digest:
        return self._measurement.bisector.digest(side, window, self._columns, self._groups, *functions)

    def _differing(
        self, window: Window, wanted: Mapping[int, Numbers], held: Mapping[int, Numbers]
    ) -> list[Window]:
        buckets = differing_buckets(wanted, held, self._columns)
        parts = (run.overlap(window) for run in runs(buckets, step=BUCKET))
        return [part for part in parts if part is not None]


def expected(source: Digest, found: Findings) -> dict[int, Numbers]:
    """Return what the target should hold by bucket: the source's points, and what is known to differ."""
    totals = source.totals()
    for bucket, numbers in found.left.items():
        increase(totals, bucket, numbers)
    return totals


def differing_buckets(
    wanted: Mapping[int, Numbers], held: Mapping[int, Numbers], columns: tuple[Column, ...]
) -> list[int]:
    """Return the buckets that do not hold what they should."""
    nothing = (0,) * len(columns)
    return [
        bucket
        for bucket in wanted.keys() | held.keys()
        if not equal(wanted.get(bucket, nothing), held.get(bucket, nothing), columns)
    ]
