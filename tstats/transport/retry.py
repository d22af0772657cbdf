"""Retries what can succeed later, a bounded number of times and for a bounded time."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    stop_when_event_set,
    wait_exponential_jitter,
)
from tenacity.nap import sleep_using_event

from tstats.errors import UnreachableError

Result = TypeVar("Result")


class OnRetry(Protocol):
    """A function that is called before each retry."""

    def __call__(self, what: str, *, attempt: int, error: Exception, wait: float) -> None:
        """Report that an attempt failed; must not raise.

        Args:
            what: is attempted.
            attempt: number of the failed attempt, from 1.
            error: why it failed.
            wait: seconds until the next attempt.
        """


def silent(what: str, *, attempt: int, error: Exception, wait: float) -> None:
    """Report nothing: for tests, and for callers that count failures themselves."""
    del what, attempt, error, wait


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how long to retry.

    Attributes:
        retries: how often to retry after the first failure; 0 makes a single attempt.
        seconds: after this time no further attempt begins.
        first_wait: the first wait in seconds. Each further one doubles, up to `longest_wait`, and a random
            part of `first_wait` is added, so that many clients do not return at once.
        longest_wait: in seconds.
        on_retry: reports each retry.
        stop: set it to end the waiting, as a daemon does that drains.
    """

    retries: int = 5
    seconds: float = 120.0
    first_wait: float = 0.25
    longest_wait: float = 10.0
    on_retry: OnRetry = silent
    stop: threading.Event | None = None

    def call(self, what: str, function: Callable[[], Result]) -> Result:
        """Return the result of `function`, which is called again while it raises `UnreachableError`.

        Raises:
            UnreachableError: the last failure.
            TstatsError: any other failure, at once.
        """
        stop = stop_after_attempt(self.retries + 1) | stop_before_delay(self.seconds)
        event = self.stop or threading.Event()

        def show(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            wait = state.next_action.sleep if state.next_action else 0.0
            if isinstance(error, Exception):
                self.on_retry(what, attempt=state.attempt_number, error=error, wait=wait)

        retrying = Retrying(
            stop=stop | stop_when_event_set(event),
            wait=wait_exponential_jitter(
                multiplier=self.first_wait, max=self.longest_wait, jitter=self.first_wait
            ),
            retry=retry_if_exception_type(UnreachableError),
            before_sleep=show,
            sleep=sleep_using_event(event),
            reraise=True,
        )
        return retrying(function)


ONCE = RetryPolicy(retries=0)
