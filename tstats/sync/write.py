"""Write points in bodies, several in flight at once, and count what the server has taken."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from http import HTTPStatus

from tstats.errors import RefusedError, SlowError
from tstats.influx.client import Influx
from tstats.influx.partial_write import PartialWrite
from tstats.influx.rows import Block
from tstats.sync.report import Counts
from tstats.sync.scheduler import Pool

BODY_POINTS = 25_000
IN_FLIGHT = 4
# A body with fewer points that was too slow is not cut in two: its size was not the reason.
_SMALL = 500


class Throttle:
    """A rate limit for all writers of a sync together.

    Args:
        rate: points per second; None for no limit.
        stop: ends all waiting when it is set.
    """

    def __init__(self, rate: float | None, stop: threading.Event) -> None:
        self._rate = rate
        self._stop = stop
        # Bodies that take longer than a second would be bursts.
        self.body_points = BODY_POINTS if rate is None else max(1, min(BODY_POINTS, int(rate)))
        self._free_at = 0.0
        self._lock = threading.Lock()

    def wait(self, points: int) -> None:
        """Wait until so many points may be written."""
        if self._rate is None:
            return
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._free_at)
            self._free_at = turn + points / self._rate
        self._stop.wait(turn - now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The lines of one write request.

    Attributes:
        blocks: the lines.
        points: how many lines there are.
        found: what is counted once they are written.
    """

    blocks: list[Block]
    points: int
    found: Counts

    def halves(self) -> tuple["Body", ...]:
        """Return two bodies with the same lines; the second has what is counted."""
        middle = len(self.blocks) // 2
        if middle:
            parts = [self.blocks[:middle], self.blocks[middle:]]
        else:
            parts = [[block] for block in self.blocks[0].halves()]
        return tuple(
            Body(
                blocks=part,
                points=sum(block.number for block in part),
                found=self.found if part is parts[-1] else Counts(),
            )
            for part in parts
        )


class BodyWriter:
    """Sends bodies of one measurement to one side, at most `IN_FLIGHT` at once; shared by threads.

    A body that is too large or too slow is cut in two. Points that the server drops because of a fault of
    theirs are counted, and named in `problem`; the others are written.

    Args:
        influx: the server.
        database, policy: where the points go.
        requests: the threads that send.
        throttle: the rate limit.
        on_written: called after each body with what it was counted for.

    Attributes:
        most: points per body, as much as the server has been seen to take.
        problem: why the server dropped points; None where it dropped none.
    """

    def __init__(
        self,
        influx: Influx,
        *,
        database: str,
        policy: str,
        requests: Pool,
        throttle: Throttle,
        on_written: Callable[[Counts], None],
    ) -> None:
        self._influx = influx
        self._database = database
        self._policy = policy
        self._requests = requests
        self._throttle = throttle
        self._on_written = on_written
        self._free = threading.Semaphore(IN_FLIGHT)
        self.most = throttle.body_points
        self.problem: str | None = None

    def send(self, body: Body) -> Future[None]:
        """Send a body as soon as the rate limit and those in flight allow; the future raises its failure."""
        self._throttle.wait(body.points)
        self._free.acquire()
        return self._requests.submit(self._send, body)

    def _send(self, body: Body) -> None:
        try:
            self._write(body)
        finally:
            self._free.release()

    def _write(self, body: Body) -> None:
        lines = b"\n".join([block.text for block in body.blocks])
        written = body.points
        try:
            self._influx.write(lines, database=self._database, policy=self._policy)
        except (RefusedError, SlowError) as error:
            if _is_too_much(error, body.points):
                halves = body.halves()
                self.most = min(self.most, halves[0].points)  # the next body need not be refused, too
                for half in halves:
                    self._write(half)
                return
            dropped = PartialWrite.parse(str(error))
            if dropped is None:
                raise
            written -= dropped.points
            if not dropped.expired:  # what has expired since it was read is no loss
                self.problem = self.problem or str(error)
        self._on_written(replace(body.found, points_written=written))


def _is_too_much(error: Exception, points: int) -> bool:
    if isinstance(error, RefusedError):
        return error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and points > 1
    return points > _SMALL


class Buffer:
    """Collects the lines of one window into bodies; shared by threads.

    Args:
        writer: sends the bodies.
    """

    def __init__(self, writer: BodyWriter) -> None:
        self._writer = writer
        self._lock = threading.Lock()
        self._blocks: list[Block] = []
        self._points = 0
        self._found = Counts()
        self._sent: list[Future[None]] = []

    def add(self, blocks: Iterable[Block], found: Counts) -> None:
        """Write these lines, soon; count `found` when they are written.

        Raises:
            TstatsError: an earlier body could not be written.
        """
        with self._lock:
            for block in blocks:
                self._blocks.append(block)
                self._points += block.number
            self._found.add(found)
            body = self._take() if self._points >= self._writer.most else None
        if body is not None:
            self._send(body)

    def drain(self) -> None:
        """Send what is left, and wait until the server has taken everything.

        Raises:
            TstatsError: a body could not be written.
        """
        with self._lock:
            body = self._take() if self._blocks else None
        if body is not None:
            self._send(body)
        with self._lock:
            sent, self._sent = self._sent, []
        for future in sent:
            future.result()

    def _take(self) -> Body:
        body = Body(blocks=self._blocks, points=self._points, found=self._found)
        self._blocks, self._points, self._found = [], 0, Counts()
        return body

    def _send(self, body: Body) -> None:
        # Without the lock: other threads can add lines while this one waits for its turn.
        future = self._writer.send(body)
        with self._lock:
            done = [earlier for earlier in self._sent if earlier.done()]
            self._sent = [*(earlier for earlier in self._sent if not earlier.done()), future]
        for earlier in done:
            earlier.result()
