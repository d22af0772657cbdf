"""Threads for the tasks of a sync, in ranks, so that no task can wait for itself.

A measurement waits for its windows, a window for its segments, a segment for its requests, and a request for
nothing. Each rank has threads of its own, and a task can only start tasks of lower ranks: waiting has no
cycles, however few threads there are.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from typing import ParamSpec, Self, TypeVar

Given = ParamSpec("Given")
Item = TypeVar("Item")
Result = TypeVar("Result")

# What one measurement does at once. More windows or segments would only queue up at the servers.
WINDOWS_AT_ONCE = 2
SEGMENTS_AT_ONCE = 3
REQUESTS_AT_ONCE = 7


class _Rank(threading.local):
    """The rank of the task that this thread runs; threads from outside may start anything."""

    value = 4


_running = _Rank()


class Pool:
    """The threads that run the tasks of one rank.

    Args:
        rank: a task that runs here can start tasks of lower ranks only.
        threads: how many tasks can run at once.
        name: of the threads.
    """

    def __init__(self, rank: int, threads: int, name: str) -> None:
        self._rank = rank
        self._executor = ThreadPoolExecutor(threads, name, initializer=self._enter)

    def submit(
        self, task: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Future[Result]:
        """Start a task.

        Raises:
            RuntimeError: the running task is not of a higher rank.
        """
        if _running.value <= self._rank:
            raise RuntimeError(f"a task of rank {_running.value} must not wait for one of rank {self._rank}")
        return self._executor.submit(task, *args, **kwargs)

    def each(
        self,
        task: Callable[[Item], Result],
        items: Iterable[Item],
        *,
        at_once: int,
        stop: threading.Event | None = None,
    ) -> Iterator[Result]:
        """Run a task for each item, a few at once, and yield the results in the order of the items.

        When one fails, the others that have been started are waited for before the error is raised; `stop`
        is set first, so that they end early.
        """
        started: deque[Future[Result]] = deque()
        try:
            for item in items:
                if len(started) == at_once:
                    yield started.popleft().result()
                started.append(self.submit(task, item))
            while started:
                yield started.popleft().result()
        except BaseException:
            if stop is not None:
                stop.set()
            raise
        finally:
            wait(started)

    def close(self) -> None:
        """Wait for the tasks that run, and end the threads."""
        self._executor.shutdown()

    def _enter(self) -> None:
        _running.value = self._rank


class Scheduler:
    """The threads of a sync.

    Args:
        jobs: measurements at once.

    Attributes:
        measurements, windows, segments, requests: the pools, from the highest rank to the lowest.
        stop: set when the user ends the sync.
    """

    def __init__(self, jobs: int) -> None:
        self.stop = threading.Event()
        self.measurements = Pool(3, jobs, "measurement")
        self.windows = Pool(2, jobs * WINDOWS_AT_ONCE, "window")
        self.segments = Pool(1, jobs * SEGMENTS_AT_ONCE, "segment")
        self.requests = Pool(0, jobs * REQUESTS_AT_ONCE, "request")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as stack:
            for pool in (self.requests, self.segments, self.windows, self.measurements):
                stack.callback(pool.close)
