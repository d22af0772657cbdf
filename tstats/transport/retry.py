"""Tries again what can succeed later: bounded in tries and in time, each retry shown."""

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
    """Told before each wait: what is tried, which try failed, why, and the seconds until the next."""

    def __call__(self, what: str, *, attempt: int, error: Exception, wait: float) -> None:
        """Show it; must not raise."""


def silent(what: str, *, attempt: int, error: Exception, wait: float) -> None:
    """Shows nothing: for tests, and where the caller counts failures by itself."""
    del what, attempt, error, wait


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How long to go on trying.

    Attributes:
        retries: how often a request is sent again after its first failure; 0 tries once.
        seconds: no new try is begun so long after the first.
        first_wait: the first wait in seconds; each further one doubles, up to `longest_wait`, and a
            random part of `first_wait` is added, so that many clients do not return at once.
        on_retry: shows each retry.
        stop: set it to end the waiting (a daemon that drains).
    """

    retries: int = 5
    seconds: float = 120.0
    first_wait: float = 0.25
    longest_wait: float = 10.0
    on_retry: OnRetry = silent
    stop: threading.Event | None = None

    def call(self, what: str, function: Callable[[], Result]) -> Result:
        """The result of `function`, which is called again while it raises `UnreachableError`.

        Raises:
            TstatsError: the last failure; any other than `UnreachableError` at once.
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
