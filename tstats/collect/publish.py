"""Spool → InfluxDB: each waiting batch is written, set aside or left for later, but never lost."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from http import HTTPStatus
from typing import Protocol

import structlog

from tstats.collect.batch import Batch, database_of
from tstats.collect.metrics import CollectorMetrics
from tstats.collect.spool import Spool
from tstats.errors import RefusedError, ServerError, SpoolError
from tstats.influx.partial_write import PartialWrite

_IN_FLIGHT = 4
# Refusals because of the content, which another server would repeat.
_CONTENT_REFUSED = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


class BatchWriter(Protocol):
    """A server that batches are written to: an InfluxDB over HTTP or UDP."""

    @property
    def url(self) -> str:
        """The address, as shown in the log."""

    def close(self) -> None:
        """Close the connections."""

    def write(self, lines: bytes, *, database: str, policy: str | None, precision: str) -> None:
        """Write the lines.

        Raises:
            UnreachableError: the same request can succeed later.
            RefusedError: the server would refuse the same request again.
        """


class _Delivery(Enum):
    GONE = auto()  # not in the queue any more: delivered, set aside or dropped
    LATER = auto()  # still waits; batches of other databases can go on
    DOWN = auto()  # still waits, as every other batch would


class Publisher:
    """Empties the queue of one target.

    Args:
        spool: where batches wait.
        target: the name of the queue.
        writers: the servers behind this target; each batch goes to the first that takes it.
        metrics: the counters.
        log: gets what was delivered, set aside or dropped, and why batches wait.
        on_delivered: called with a server's URL and the batch that the server has just taken; by any thread.
    """

    def __init__(
        self,
        *,
        spool: Spool,
        target: str,
        writers: Sequence[BatchWriter],
        metrics: CollectorMetrics,
        log: structlog.stdlib.BoundLogger,
        on_delivered: Callable[[str, Batch], None] = lambda _url, _batch: None,
    ) -> None:
        self.target = target
        self._on_delivered = on_delivered
        self._spool = spool
        self._writers = list(writers)
        self._metrics = metrics
        self._log = log.bind(target=target)
        self._reported: set[str] = set()  # databases whose refusal was logged since the drain began
        self._lost = 0

    @property
    def lost(self) -> int:
        """The number of batches that were set aside or dropped so far; the target will not get them."""
        return self._lost

    def close(self) -> None:
        """Close the connections."""
        for writer in self._writers:
            writer.close()

    def drain(self, *, until: float = float("inf"), stop: threading.Event | None = None) -> bool:
        """Deliver the waiting batches, the oldest first, several at once.

        Args:
            until: a monotonic time, in seconds, after which no further requests are made.
            stop: when it is set, no further requests are made either.

        Returns:
            Whether the queue is empty now.
        """
        self._reported.clear()
        held: set[str] = set()  # databases whose batches cannot be written now
        points = 0
        with ThreadPoolExecutor(_IN_FLIGHT, thread_name_prefix="publish") as pool:
            while time.monotonic() < until and not (stop and stop.is_set()):
                names = self._spool.waiting(self.target, _IN_FLIGHT, without=held)
                if not names:
                    break
                results = list(pool.map(self._deliver, names))
                points += sum(written for _, written in results)
                held |= {
                    database_of(name)
                    for name, (delivery, _) in zip(names, results, strict=True)
                    if delivery is _Delivery.LATER
                }
                if any(delivery is _Delivery.DOWN for delivery, _ in results):
                    break
        left = self._spool.depth(self.target)
        if points:
            self._log.info("published", points=points, waiting_batches=left)
        return left == 0

    def send(self, batch: Batch) -> bool:
        """Deliver a batch that the disk cannot take, and return whether a server took it."""
        problem = self._offer(batch)
        if problem is not None:
            self._log.error("lost", database=batch.database, points=batch.points, error=str(problem))
        return problem is None

    def _deliver(self, name: str) -> tuple[_Delivery, int]:
        """Deliver a batch; return what became of it, and how many points the target took."""
        try:
            batch = self._spool.read(self.target, name)
        except FileNotFoundError:  # evicted meanwhile
            return _Delivery.GONE, 0
        except SpoolError as error:
            return self._set_aside(name, str(error)), 0
        problem = self._offer(batch)
        if problem is None:
            self._spool.done(self.target, name)
            return _Delivery.GONE, batch.points
        if isinstance(problem, RefusedError) and problem.status in _CONTENT_REFUSED:
            return self._give_up(name, batch, problem), 0
        return self._keep(batch, problem), 0

    def _offer(self, batch: Batch) -> ServerError | None:
        """Write a batch to the first server that takes it; return why no server did, or None."""
        problem: ServerError | None = None
        for writer in list(self._writers):
            try:
                self._write(writer, batch)
            except RefusedError as refusal:
                if refusal.status in _CONTENT_REFUSED:
                    return refusal
                problem = refusal  # says more than an outage: it concerns only this database
            except ServerError as error:
                problem = problem or error
            else:
                self._prefer(writer)
                self._metrics.published.labels(self.target).inc(batch.points)
                self._on_delivered(writer.url, batch)
                return None
        return problem

    def _write(self, writer: BatchWriter, batch: Batch) -> None:
        started = time.perf_counter()
        try:
            refusals = list(self._write_lines(writer, batch, batch.lines))
        finally:
            self._metrics.publish_seconds.labels(self.target).observe(time.perf_counter() - started)
        if refusals:
            # A refusal that sets the batch aside takes precedence over one that drops it.
            raise min(refusals, key=_is_outside_retention)

    def _write_lines(self, writer: BatchWriter, batch: Batch, lines: bytes) -> Iterator[RefusedError]:
        """Write the lines, in parts if the server wants that, and yield the refusals of their content."""
        try:
            writer.write(
                lines, database=batch.database, policy=batch.policy or None, precision=batch.precision
            )
        except RefusedError as refusal:
            if refusal.status not in _CONTENT_REFUSED:
                raise
            if refusal.status == HTTPStatus.BAD_REQUEST or b"\n" not in lines:
                yield refusal
                return
            half = len(lines) // 2
            middle = lines.find(b"\n", half)
            if middle < 0:  # the last line is longer than the rest
                middle = lines.rfind(b"\n", 0, half)
            yield from self._write_lines(writer, batch, lines[:middle])
            yield from self._write_lines(writer, batch, lines[middle + 1 :])

    def _prefer(self, writer: BatchWriter) -> None:
        """Try this server first from now on, so that a dead server does not cost a try per batch."""
        if self._writers[0] is not writer:
            self._writers = [writer, *(other for other in self._writers if other is not writer)]

    def _give_up(self, name: str, batch: Batch, refusal: RefusedError) -> _Delivery:
        """Drop or set aside a batch; the server took what it could and will always refuse the rest."""
        if _is_outside_retention(refusal):
            self._spool.done(self.target, name)
            self._lost += 1
            self._metrics.dropped.labels(self.target, "retention").inc()
            self._log.warning(
                "dropped",
                reason="points older than the retention policy keeps",
                database=batch.database,
                points=batch.points,
                answer=str(refusal),
            )
            return _Delivery.GONE
        return self._set_aside(name, str(refusal))

    def _set_aside(self, name: str, reason: str) -> _Delivery:
        try:
            kept = self._spool.reject(self.target, name, reason)
        except FileNotFoundError:  # evicted meanwhile
            return _Delivery.GONE
        except SpoolError as error:
            self._log.error("spool_failed", error=str(error))
            return _Delivery.LATER
        self._lost += 1
        self._metrics.dropped.labels(self.target, "rejected").inc()
        self._log.error("rejected", reason=reason, kept=str(kept))
        return _Delivery.GONE

    def _keep(self, batch: Batch, problem: ServerError) -> _Delivery:
        """Report why a batch stays in the queue."""
        if not isinstance(problem, RefusedError):
            self._log.warning(
                "unreachable", error=str(problem), remedy="none needed: the points wait on disk"
            )
            return _Delivery.DOWN
        if batch.database not in self._reported:
            self._reported.add(batch.database)
            remedy = (
                "run create_ts_databases"
                if problem.status == HTTPStatus.NOT_FOUND
                else "check influxUser and influxPassword, the address and the certificate"
            )
            self._log.error(
                "refused",
                database=batch.database,
                error=str(problem),
                remedy=f"{remedy}; the points wait on disk",
            )
        return _Delivery.LATER


def send_to_all(publishers: Sequence[Publisher], batch: Batch) -> bool:
    """Deliver a batch that the disk cannot take to every target, and return whether all of them have it."""
    sent = [publisher.send(batch) for publisher in publishers]
    return all(sent)


def _is_outside_retention(refusal: RefusedError) -> bool:
    dropped = PartialWrite.parse(str(refusal))
    return dropped is not None and dropped.expired
