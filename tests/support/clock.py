"""A clock that a test sets."""

import threading
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Moment = TypeVar("Moment", int, float)


@dataclass
class Clock(Generic[Moment]):
    """Returns `now`, in whatever unit the test gives it; waiting moves it on.

    Attributes:
        now: the time; a test changes it.
        waits: every wait so far.
    """

    now: Moment
    waits: list[Moment] = field(default_factory=list)

    def __call__(self) -> Moment:
        return self.now

    def wait(self, event: threading.Event, timeout: Moment | None = None) -> bool:
        """Stand in for `Event.wait`, without the wait."""
        if timeout is not None:
            self.waits.append(timeout)
            self.now += timeout
        return event.is_set()
