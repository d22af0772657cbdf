"""Sync one window of a measurement: find the differences, transfer them, verify, settle what is in doubt."""

from tstats.core.windows import Window
from tstats.errors import BrokenStreamError
from tstats.sync.context import MeasurementContext
from tstats.sync.localize import Localizer, Suspect
from tstats.sync.read import Sides
from tstats.sync.scheduler import SEGMENTS_AT_ONCE
from tstats.sync.segments import Segment
from tstats.sync.survey import Approach, Surveyor
from tstats.sync.transfer import Findings, Transfer
from tstats.sync.verify import Verifier


class WindowSync:
    """The sync of the windows of one measurement, each by a call that can run beside others.

    Args:
        measurement: the measurement.
        approach: how to look for differences by digests; None where digests are not trusted.
        verifier: verifies what was written.
    """

    def __init__(
        self, measurement: MeasurementContext, approach: Approach | None, verifier: Verifier
    ) -> None:
        self._measurement = measurement
        self._options = measurement.sync.options
        self._segments = measurement.sync.scheduler.segments
        self._approach = approach
        self._verifier = verifier

    def sync(self, window: Window) -> Findings:
        """Sync a window.

        A window whose answers break off is compared again from its start: what was written by then is equal.

        Raises:
            TstatsError: a server failed, after the retries.
            StoppedError: the user ended the sync.
        """
        sides = self._measurement.sides
        tries = sides.source.influx.retry.retries + 1
        while True:
            transfer = Transfer(self._measurement, sides)
            try:
                found = self._sync(window, sides, transfer)
            except BrokenStreamError:
                tries -= 1
                if not tries:
                    raise
                transfer.drain()
                sides = sides.asking_always()
            else:
                self._measurement.sync.progress.window_done()
                return found

    def _sync(self, window: Window, sides: Sides, transfer: Transfer) -> Findings:
        blind = not sides.target.may_have_points_in(window)
        survey, suspects = None, [Suspect(segment=Segment(window=window), absent=blind)]
        if self._approach is not None and not blind:
            surveyor = Surveyor(self._measurement, self._approach, sides)
            survey, suspects = Localizer(self._measurement, surveyor).find(window)

        def carry(suspect: Suspect) -> Findings:
            if suspect.absent:
                return transfer.copy(suspect.segment)
            return transfer.compare(suspect.segment, apply=self._options.apply)

        found = Findings()
        for part in self._segments.each(carry, suspects, at_once=SEGMENTS_AT_ONCE):
            found.add(part)
        transfer.drain()
        doubts = self._verifier.doubts(window, found, survey, blind=blind)
        found.differing = [doubt for doubt in doubts if self._still_differs(doubt)]
        found.counts.windows_compared = 1
        found.counts.windows_different = int(found.differ())
        self._measurement.tally.add(found.counts)
        return found

    def _still_differs(self, doubt: Window) -> bool:
        """Compare point by point, which decides, heal what digests did not show, and compare again."""
        transfer = Transfer(self._measurement, self._measurement.sides.asking_always())
        segment = Segment(window=doubt)
        transfer.compare(segment, apply=True)
        transfer.drain()
        return transfer.compare(segment, apply=False).unwritten > 0
