"""When something that repeats is due: a timer without a clock, which gets the time from its caller."""


class Timer:
    """Says when something that repeats is due. Times are ns since the epoch, durations ns.

    A clock that was set back by more than the interval makes it due at once, not after a long silence.

    Args:
        interval: from one time to the next; at least 1.
        due: the first time.
        aligned: whether later times are whole multiples of the interval.

    Attributes:
        due: the next time.
    """

    def __init__(self, interval: int, *, due: int, aligned: bool = False) -> None:
        self.due = due
        self._interval = interval
        self._aligned = aligned

    def is_due(self, now: int) -> bool:
        """Return whether the time has come; if so, the next time follows an interval later."""
        if now < self.due <= now + self._interval:
            return False
        self.restart(now)
        return True

    def restart(self, now: int, interval: int | None = None) -> None:
        """Wait an interval from now on; a given interval replaces the current one."""
        self._interval = interval or self._interval
        self.due = now + self._interval
        if self._aligned:
            self.due -= self.due % self._interval
