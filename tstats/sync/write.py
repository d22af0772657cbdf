"""Writes points in bodies, several on their way at once, and counts what the server has taken."""

import re
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from http import HTTPStatus

from tstats.errors import RefusedError, SlowError
from tstats.influx.client import Influx
from tstats.influx.rows import Block
from tstats.sync.report import Counts

BODY_POINTS = 25_000
IN_FLIGHT = 4
# A body with fewer points is not cut in two when it was too slow: that would not be its size.
_FEW = 500
_DROPPED = re.compile(r"^(?:.*: )?partial write: (?P<why>.*) dropped=(?P<points>\d+)", re.DOTALL)
_EXPIRED = "points beyond retention policy"


class Throttle:
    """Lets at most so many points a second through, for all writers together.

    Args:
        rate: points a second; None lets all through at once.
        stop: ends all waiting when it is set.
    """

    def __init__(self, rate: float | None, stop: threading.Event) -> None:
        self._rate = rate
        self._stop = stop
        # Bodies that take longer than a second would be bursts.
        self.most = BODY_POINTS if rate is None else max(1, min(BODY_POINTS, int(rate)))
        self._free_at = 0.0
        self._lock = threading.Lock()

    def wait(self, points: int) -> None:
        """Wait for the turn of so many points."""
        if self._rate is None:
            return
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._free_at)
            self._free_at = turn + points / self._rate
        self._stop.wait(turn - now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    blocks: list[Block]
    number: int
    credit: Counts

    def halves(self) -> tuple["_Body", ...]:
        """Two bodies with the same lines, the credit with the second."""
        middle = len(self.blocks) // 2
        if middle:
            parts = [self.blocks[:middle], self.blocks[middle:]]
        else:
            parts = [[block] for block in self.blocks[0].halves()]
        return tuple(
            _Body(
                blocks=part,
                number=sum(block.number for block in part),
                credit=self.credit if part is parts[-1] else Counts(),
            )
            for part in parts
        )


class Writer:
    """Writes the lines of one measurement to one side, at most `IN_FLIGHT` bodies at once; for any threads.

    A body that is too large or too slow is cut in two. Points that the server drops for a fault of theirs
    are counted and told in `problem`; the others are written.

    Args:
        influx: the server.
        database, policy: where the points go.
        executor: sends the bodies; its tasks must not wait for each other.
        credit: told of each body what the server has taken.
        throttle: bounds the rate.
    """

    def __init__(
        self,
        influx: Influx,
        *,
        database: str,
        policy: str,
        executor: Executor,
        credit: Callable[[Counts], None],
        throttle: Throttle,
    ) -> None:
        self._influx = influx
        self._database = database
        self._policy = policy
        self._executor = executor
        self._credit = credit
        self._throttle = throttle
        self._lock = threading.Lock()
        self._free = threading.Semaphore(IN_FLIGHT)
        self._blocks: list[Block] = []
        self._number = 0
        self._found = Counts()
        self._sent: list[Future[None]] = []
        self._most = throttle.most
        self.problem: str | None = None

    def add(self, blocks: Iterable[Block], found: Counts) -> None:
        """Write these lines, soon; `found` is credited when they are written.

        Raises:
            TstatsError: an earlier body could not be written.
        """
        with self._lock:
            for block in blocks:
                self._blocks.append(block)
                self._number += block.number
            self._found.add(found)
            if self._number >= self._most:
                self._send()

    def flush(self) -> list[Future[None]]:
        """Send what is left; the bodies on their way, which raise if they cannot be written."""
        with self._lock:
            if self._blocks:
                self._send()
            sent, self._sent = self._sent, []
            return sent

    def _send(self) -> None:
        body = _Body(blocks=self._blocks, number=self._number, credit=self._found)
        self._blocks, self._number, self._found = [], 0, Counts()
        for future in [future for future in self._sent if future.done()]:
            future.result()
            self._sent.remove(future)
        self._throttle.wait(body.number)
        self._free.acquire()
        self._sent.append(self._executor.submit(self._write_and_free, body))

    def _write_and_free(self, body: _Body) -> None:
        try:
            self._write(body)
        finally:
            self._free.release()

    def _write(self, body: _Body) -> None:
        data = b"\n".join([block.text for block in body.blocks])
        written = body.number
        try:
            self._influx.write(data, database=self._database, policy=self._policy)
        except (RefusedError, SlowError) as error:
            if _is_too_much(error, body.number):
                halves = body.halves()
                self._most = min(self._most, halves[0].number)  # the next body need not be refused as well
                for half in halves:
                    self._write(half)
                return
            dropped = _DROPPED.match(str(error))
            if dropped is None:
                raise
            written -= int(dropped["points"])
            if dropped["why"] != _EXPIRED:  # what has expired since it was read is nobody's loss
                self.problem = self.problem or str(error)
        self._credit(replace(body.credit, points_written=written))


def _is_too_much(error: Exception, lines: int) -> bool:
    if isinstance(error, RefusedError):
        return error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and lines > 1
    return lines > _FEW
