"""A clock that only the test moves."""


class ManualClock:
    """A clock in seconds; advance it by `clock.now += 1`."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
