"""Syncs one measurement, stretch by stretch, oldest first: compare, write, look again."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from functools import partial

from tstats.core.windows import Window, runs
from tstats.errors import BrokenStreamError, TooMuchError, TstatsError
from tstats.influx.measurements import fingerprint
from tstats.sync.compare import Localizer, Work
from tstats.sync.digest import BUCKET, Digest, Function, Numbers, equal, increase
from tstats.sync.plan import Request, Side, Subject
from tstats.sync.read import Divider, Reader, digest_columns, until_whole
from tstats.sync.report import MeasurementReport, Tally
from tstats.sync.segments import Portion
from tstats.sync.survey import Approach, Survey, Surveyor
from tstats.sync.transfer import Findings, StoppedError, Surroundings, Transfer

# Stretches whose writes may be on their way or unverified while the next one is being compared.
_UNVERIFIED = 2
# Portions that are carried at once: while we compare one, the servers read another.
_CARRIED_AT_ONCE = 3


@dataclass(slots=True, kw_only=True)
class _Outcome:
    """A stretch that has been synced and is to be verified.

    Attributes:
        stretch: its window.
        found: what was found in it.
        survey: what was known of it before, where it was asked for.
        blind: it was copied without asking either side for a digest.
        sent: what is on its way to the servers.
    """

    stretch: Window
    found: Findings = field(default_factory=Findings)
    survey: Survey | None = None
    blind: bool = False
    sent: list[Future[None]] = field(default_factory=list)


class MeasurementSync:
    """The sync of one measurement.

    Args:
        subject: the measurement.
        request: what is asked.
        around: what all measurements share.
    """

    def __init__(self, subject: Subject, request: Request, around: Surroundings) -> None:
        self._subject = subject
        self._request = request
        self._around = around
        self._tally = Tally()
        self._columns = digest_columns(subject) if subject.has_one_type_a_field() else ()
        self._transfer = Transfer(subject, request, around, columns=self._columns, credit=self._tally.add)
        self._source = self._transfer.source
        self._target = self._transfer.target
        self._divider = Divider((self._source, self._target), subject.tags)
        self._groups: tuple[str, ...] = ()
        self._surveyor: Surveyor | None = None
        self._localizer: Localizer | None = None
        self._wrote = False
        self._doubted: list[Window] = []
        self._differing: list[Window] = []

    def run(self) -> MeasurementReport:
        """Sync it; a failure of a server does not raise: the report tells it.

        Raises:
            StoppedError: the user ended it.
        """
        error: str | None = None
        try:
            self._run()
        except StoppedError:
            raise
        except TstatsError as problem:
            error = str(problem)
        error = self._transfer.problem or error
        if error is None and self._differing:
            shown = ", ".join(str(window) for window in self._differing[:3])
            error = f"it still differs after it was written: {shown}"
        return MeasurementReport(
            database=self._subject.database,
            retention_policy=self._subject.policy,
            measurement=self._subject.measurement,
            counts=self._tally.counts,
            unwritten=self._tally.unwritten,
            verified=(error is None) if self._wrote else None,
            error=error,
        )

    def _run(self) -> None:
        stretches = self._subject.stretches
        trusted = self._subject.digests_suffice(self._request.policy) and not self._request.exact
        if trusted and self._subject.source.fields and self._subject.target.fields:
            self._prepare()
        verifying: deque[Future[None]] = deque()
        ahead = self._begin_survey(stretches[0]) if stretches else None
        for place, stretch in enumerate(stretches):
            survey = ahead
            ahead = self._begin_survey(stretches[place + 1]) if place + 1 < len(stretches) else None
            outcome = self._sync_until_whole(stretch, survey)
            verifying.append(self._around.verifier.submit(self._verify, outcome))
            while len(verifying) > _UNVERIFIED:
                verifying.popleft().result()
            self._around.progress.window_done()
        while verifying:
            verifying.popleft().result()
        for window in self._doubted:
            self._settle(window)

    def _prepare(self) -> None:
        """Choose how the digests are grouped, and whether those without all tags are trusted."""
        self._groups = self._divider.groups()
        same_series = len(self._groups) == len(self._subject.tags) or self._have_same_series()
        tag = self._divider.most_varied()
        approach = Approach(
            of=self._columns,
            groups=self._groups,
            tag=tag,
            values=() if tag is None else self._divider.values(tag),
            same_series=same_series,
            few=self._request.few,
            verified=self._request.apply,
        )
        sides, executor = (self._source, self._target), self._around.executor
        self._surveyor = Surveyor(*sides, divider=self._divider, approach=approach, executor=executor)
        self._localizer = Localizer(*sides, surveyor=self._surveyor, approach=approach, executor=executor)

    def _have_same_series(self) -> bool:
        source, target = (
            self._around.executor.submit(self._fingerprint, side)
            for side in (self._subject.source, self._subject.target)
        )
        return source.result() == target.result()

    def _fingerprint(self, side: Side) -> bytes:
        subject = self._subject

        def read() -> bytes:
            return fingerprint(side.influx, subject.database, subject.policy, subject.measurement)

        return until_whole(side.influx, f"the series of {subject.name}", read)

    def _begin_survey(self, stretch: Window) -> Future[Survey] | None:
        """Ask both sides for the digests of a stretch; None where there is no need to."""
        if self._surveyor is None or not self._target.may_have_points_in(stretch):
            return None
        return self._around.verifier.submit(self._surveyor.survey, stretch)

    def _sync_until_whole(self, stretch: Window, survey: Future[Survey] | None) -> _Outcome:
        """Sync a stretch; when an answer breaks off, from its beginning: what was written is equal then."""
        tries = self._subject.source.influx.retry.retries + 1
        while True:
            try:
                outcome = self._sync(stretch, survey)
            except BrokenStreamError:
                tries -= 1
                if not tries:
                    raise
                self._wait(self._transfer.flush())
                self._target.ask_always()
                survey = self._begin_survey(stretch)
            else:
                self._tally.add(outcome.found.counts)
                self._tally.withhold(outcome.found.unwritten)
                return outcome

    def _sync(self, stretch: Window, survey: Future[Survey] | None) -> _Outcome:
        outcome = _Outcome(stretch=stretch)
        if survey is not None and self._localizer is not None:
            outcome.survey = survey.result()
            work = self._localizer.work(stretch, outcome.survey)
        else:
            outcome.blind = not self._target.may_have_points_in(stretch)
            work = [Work(portion=Portion(window=stretch), absent=outcome.blind)]
        self._carry(work, outcome.found)
        counts = outcome.found.counts
        counts.windows_compared = 1
        outcome.sent = self._transfer.flush()
        found = outcome.found
        differs = found.to_target or found.to_source or found.unwritten or found.left
        counts.windows_different = int(bool(differs))
        return outcome

    def _carry(self, work: Iterable[Work], found: Findings) -> None:
        """Carry all portions over, oldest first, a few at once."""
        begun: deque[Future[Findings]] = deque()
        try:
            for one in work:
                if len(begun) == _CARRIED_AT_ONCE:
                    found.add(begun.popleft().result())
                begun.append(self._around.verifier.submit(self._carried, one))
            while begun:
                found.add(begun.popleft().result())
        finally:
            wait(begun)

    def _carried(self, work: Work) -> Findings:
        found = Findings()
        self._divider.do(self._adding(found, self._copy if work.absent else self._compare), work.portion)
        return found

    def _adding(self, whole: Findings, carry: Callable[[Portion], Findings]) -> Callable[[Portion], None]:
        return lambda portion: whole.add(carry(portion))

    def _copy(self, portion: Portion) -> Findings:
        return self._transfer.copy(portion)

    def _compare(self, portion: Portion) -> Findings:
        return self._compared(portion, apply=self._request.apply)

    def _compared(self, portion: Portion, *, apply: bool) -> Findings:
        try:
            return self._transfer.compare(portion, apply=apply)
        except TooMuchError:
            self._wait(self._transfer.flush())  # the parts of it must find what was written
            raise

    def _wait(self, sent: Iterable[Future[None]]) -> None:
        for future in sent:
            future.result()

    def _verify(self, outcome: _Outcome) -> None:
        """Wait for what was written, and ask the servers again; what is not as expected is doubted."""
        self._wait(outcome.sent)
        found, stretch, survey = outcome.found, outcome.stretch, outcome.survey
        if not found.to_target and not found.to_source:
            if survey is not None and self._request.apply:
                # Counts lead to series that lack points in the source, and past lower values beside them.
                self._doubt(stretch, _expected(survey.source, found), survey.target.totals())
            return
        self._wrote = True
        if not self._columns:
            self._doubted.append(stretch)
            return
        reader = Reader(self._subject, self._subject.target, always=True)
        if outcome.blind and len(self._subject.fields) == 1:
            if self._digest(reader, stretch, "count").total()[0] != found.copied:
                self._doubted.append(stretch)
            return
        if survey is not None and not found.to_source:
            source = survey.source
        else:
            ours_again = Reader(self._subject, self._subject.source, always=True)
            source = self._digest(ours_again, stretch, "count", "sum")
        expected = _expected(source, found)
        self._doubt(stretch, expected, self._held(reader, outcome, expected))

    def _doubt(self, stretch: Window, expected: Mapping[int, Numbers], held: Mapping[int, Numbers]) -> None:
        """Doubt the hours of which the target does not hold what is expected."""
        nothing = (0,) * len(self._columns)
        doubted = [
            bucket
            for bucket in expected.keys() | held.keys()
            if not equal(expected.get(bucket, nothing), held.get(bucket, nothing), self._columns)
        ]
        parts = (run.overlap(stretch) for run in runs(doubted, step=BUCKET))
        self._doubted.extend(part for part in parts if part is not None)

    def _held(
        self, reader: Reader, outcome: _Outcome, expected: Mapping[int, Numbers]
    ) -> Mapping[int, Numbers]:
        """What the target holds by bucket, after what was written.

        Where points of one number were only added, the server is asked for their count: the sum follows
        from that of before and from what was written; in hours that were copied whole, from the source's.
        """
        found, stretch, survey = outcome.found, outcome.stretch, outcome.survey
        if survey is None or found.replaced or [one.function for one in self._columns] != ["count", "sum"]:
            return self._digest(reader, stretch, "count", "sum").totals()
        sums = {bucket: numbers[1] for bucket, numbers in expected.items()}
        totals = survey.target.totals()
        for bucket in totals.keys() | found.added.keys():
            parts = (of[bucket][1] for of in (totals, found.added) if bucket in of)
            sums[bucket] = sum(parts)
        counts = self._digest(reader, stretch, "count").totals()
        return {bucket: (count, sums.get(bucket, 0)) for bucket, (count, _) in counts.items()}

    def _digest(self, reader: Reader, window: Window, *functions: Function) -> Digest:
        return self._divider.digest(reader, window, self._columns, self._groups, *functions)

    def _settle(self, window: Window) -> None:
        """Compare a doubted window point by point, which decides; heal what the digests did not show."""
        self._target.ask_always()
        self._source.ask_always()
        left = Findings()
        for apply in (True, False):
            left = Findings()
            carry = partial(self._compared, apply=apply)
            self._divider.do(self._adding(left, carry), Portion(window=window))
            self._wait(self._transfer.flush())
            self._wrote |= left.to_target or left.to_source
        if left.unwritten:
            self._differing.append(window)


def _expected(source: Digest, found: Findings) -> dict[int, Numbers]:
    """What the target is to hold by bucket: what the source does, and what is known to stay different."""
    expected = source.totals()
    for bucket, numbers in found.left.items():
        increase(expected, bucket, numbers)
    return expected
