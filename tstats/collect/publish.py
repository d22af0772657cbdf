"""Spool → InfluxDB: each waiting batch is written, set aside, or left for later; never lost in between."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from typing import Protocol

import structlog

from tstats.collect.spool import Batch, Spool, database_of
from tstats.collect.telemetry import Telemetry
from tstats.errors import RefusedError, ServerError, SpoolError

_IN_FLIGHT = 4
_BAD_REQUEST = 400
_NOT_FOUND = 404
_TOO_LARGE = 413
_OF_CONTENT = (_BAD_REQUEST, _TOO_LARGE)  # refusals that another server would repeat
_OUTSIDE_RETENTION = "points beyond retention policy"


class Writer(Protocol):
    """Something that takes lines: an InfluxDB over HTTP or UDP."""

    @property
    def url(self) -> str:
        """Its address, as the log names it."""

    def close(self) -> None:
        """Give the connections back."""

    def write(self, lines: bytes, *, database: str, policy: str | None, precision: str) -> None:
        """Take the lines; raise UnreachableError or RefusedError."""


class _Outcome(Enum):
    GONE = auto()  # out of the queue: delivered, set aside or dropped
    LATER = auto()  # still waits; batches of other databases may go on
    DOWN = auto()  # still waits, and so would every other batch


class Publisher:
    """Empties the queue of one target.

    Args:
        spool: where batches wait.
        target: the name of the queue.
        writers: the servers that are this target; each batch goes to the first that takes it.
        telemetry: counts.
        log: told what was delivered, set aside, dropped, and why something waits.
        on_taken: told the server's URL and the batch that it has just taken.
    """

    def __init__(
        self,
        *,
        spool: Spool,
        target: str,
        writers: Sequence[Writer],
        telemetry: Telemetry,
        log: structlog.stdlib.BoundLogger,
        on_taken: Callable[[str, Batch], None] = lambda _url, _batch: None,
    ) -> None:
        self.target = target
        self._on_taken = on_taken
        self._spool = spool
        self._writers = list(writers)
        self._telemetry = telemetry
        self._log = log.bind(target=target)
        self._told: set[str] = set()  # databases whose refusal is in the log since the drain began
        self._lost = 0

    @property
    def lost(self) -> int:
        """How many batches were set aside or dropped so far: their target will not get them."""
        return self._lost

    def close(self) -> None:
        """Give the connections back."""
        for writer in self._writers:
            writer.close()

    def drain(self, *, until: float = float("inf"), stop: threading.Event | None = None) -> bool:
        """Deliver what waits, the oldest first, several requests at once.

        Args:
            until: a monotonic time after which no further requests are begun.
            stop: when it is set, no further requests are begun either.

        Returns:
            Whether nothing waits any more.
        """
        self._told.clear()
        held: set[str] = set()  # databases that cannot take batches now
        points = 0
        with ThreadPoolExecutor(_IN_FLIGHT, thread_name_prefix="publish") as pool:
            while time.monotonic() < until and not (stop and stop.is_set()):
                names = self._spool.waiting(self.target, _IN_FLIGHT, without=held)
                if not names:
                    break
                results = list(pool.map(self._deliver, names))
                points += sum(delivered for _, delivered in results)
                held |= {
                    database_of(name)
                    for name, (outcome, _) in zip(names, results, strict=True)
                    if outcome is _Outcome.LATER
                }
                if any(outcome is _Outcome.DOWN for outcome, _ in results):
                    break
        left = self._spool.depth(self.target)
        if points:
            self._log.info("published", points=points, waiting_batches=left)
        return left == 0

    def send(self, batch: Batch) -> bool:
        """Deliver a batch that is not in the spool, where the disk cannot take it; whether that worked."""
        problem = self._offer(batch)
        if problem is not None:
            self._log.error("lost", database=batch.database, points=batch.points, error=str(problem))
        return problem is None

    def _deliver(self, name: str) -> tuple[_Outcome, int]:
        """What became of one batch, and the points that its target took."""
        try:
            batch = self._spool.read(self.target, name)
        except FileNotFoundError:  # evicted in between
            return _Outcome.GONE, 0
        except SpoolError as error:
            return self._set_aside(name, str(error)), 0
        problem = self._offer(batch)
        if problem is None:
            self._spool.done(self.target, name)
            return _Outcome.GONE, batch.points
        if isinstance(problem, RefusedError) and problem.status in _OF_CONTENT:
            return self._refused(name, batch, problem), 0
        return self._keep(batch, problem), 0

    def _offer(self, batch: Batch) -> ServerError | None:
        """Give a batch to the first server that takes it; None, or why none did."""
        problem: ServerError | None = None
        for writer in list(self._writers):
            try:
                self._write(writer, batch)
            except RefusedError as refusal:
                if refusal.status in _OF_CONTENT:
                    return refusal
                problem = refusal  # more than an outage: it holds for this database alone
            except ServerError as error:
                problem = problem or error
            else:
                self._prefer(writer)
                self._telemetry.published.labels(self.target).inc(batch.points)
                self._on_taken(writer.url, batch)
                return None
        return problem

    def _write(self, writer: Writer, batch: Batch) -> None:
        started = time.perf_counter()
        try:
            refusals = list(self._write_lines(writer, batch, batch.lines))
        finally:
            self._telemetry.publish_seconds.labels(self.target).observe(time.perf_counter() - started)
        if refusals:
            # One that keeps the lines comes before one that drops them.
            raise min(refusals, key=_is_outside_retention)

    def _write_lines(self, writer: Writer, batch: Batch, lines: bytes) -> Iterator[RefusedError]:
        """Write the lines, in parts where a server wants that; gives the refusals of their content."""
        try:
            writer.write(
                lines, database=batch.database, policy=batch.policy or None, precision=batch.precision
            )
        except RefusedError as refusal:
            if refusal.status not in _OF_CONTENT:
                raise
            if refusal.status == _BAD_REQUEST or b"\n" not in lines:
                yield refusal
                return
            half = len(lines) // 2
            middle = lines.find(b"\n", half)
            if middle < 0:  # the last line is the longer half
                middle = lines.rfind(b"\n", 0, half)
            yield from self._write_lines(writer, batch, lines[:middle])
            yield from self._write_lines(writer, batch, lines[middle + 1 :])

    def _prefer(self, writer: Writer) -> None:
        """Ask the server that answers first from now on, so that a dead one costs one try, not each."""
        if self._writers[0] is not writer:
            self._writers = [writer, *(other for other in self._writers if other is not writer)]

    def _refused(self, name: str, batch: Batch, refusal: RefusedError) -> _Outcome:
        """The server took what it could and will refuse the rest for ever."""
        if _is_outside_retention(refusal):
            self._spool.done(self.target, name)
            self._lost += 1
            self._telemetry.dropped.labels(self.target, "retention").inc()
            self._log.warning(
                "dropped",
                reason="points older than the retention policy keeps",
                database=batch.database,
                points=batch.points,
                answer=str(refusal),
            )
            return _Outcome.GONE
        return self._set_aside(name, str(refusal))

    def _set_aside(self, name: str, reason: str) -> _Outcome:
        try:
            kept = self._spool.reject(self.target, name, reason)
        except FileNotFoundError:  # evicted in between
            return _Outcome.GONE
        except SpoolError as error:
            self._log.error("spool_failed", error=str(error))
            return _Outcome.LATER
        self._lost += 1
        self._telemetry.dropped.labels(self.target, "rejected").inc()
        self._log.error("rejected", reason=reason, kept=str(kept))
        return _Outcome.GONE

    def _keep(self, batch: Batch, problem: ServerError) -> _Outcome:
        if not isinstance(problem, RefusedError):
            self._log.warning(
                "unreachable", error=str(problem), remedy="none needed: the points wait on disk"
            )
            return _Outcome.DOWN
        if batch.database not in self._told:
            self._told.add(batch.database)
            remedy = (
                "run create_ts_databases"
                if problem.status == _NOT_FOUND
                else "check influxUser and influxPassword, and the certificate"
            )
            self._log.error(
                "refused",
                database=batch.database,
                error=str(problem),
                remedy=f"{remedy}; the points wait on disk",
            )
        return _Outcome.LATER


def _is_outside_retention(refusal: RefusedError) -> bool:
    return _OUTSIDE_RETENTION in str(refusal)
