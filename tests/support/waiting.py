"""How tests wait: for a condition, up to a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def wait_for(condition: Callable[[], Found | None], what: str, *, seconds: float = 15.0) -> Found:
    """Return what `condition` returns, as soon as that is true.

    Raises:
        AssertionError: it was not true within `seconds`; the text says what was waited for.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s for {what}, in vain")
        time.sleep(0.02)
    return found
