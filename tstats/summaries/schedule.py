"""When a daemon checks which days to summarize: rarely enough to cost nothing, often enough to miss nothing.

All times are ns since the epoch. Pure.
"""

from tstats.core.time import DAY, MINUTE
from tstats.summaries.day import last_settled, window_of

# The intervals between two checks of the days that late data may still change, and of all days.
_FRESH_INTERVAL = 10 * MINUTE
_ALL_INTERVAL = DAY
# How long to wait after a failure; doubled by each further failure in a row, up to _FRESH_INTERVAL.
_BACKOFF = MINUTE


class Schedule:
    """The times at which a daemon checks the days.

    Args:
        settling: how long after its end a day is summarized, in ns.
    """

    def __init__(self, settling: int) -> None:
        self._settling = settling
        self._checked = 0
        self._fresh_due = 0
        self._all_due = 0
        self._failures = 0

    def is_due(self, now: int) -> bool:
        """Return whether there may be something to do; also true after the clock was set back."""
        return not self._checked <= now < self._fresh_due

    def is_everything_due(self, now: int) -> bool:
        """Return whether all days are to be checked, not only those that late data may still change."""
        return not self._checked <= now < self._all_due

    def record(self, now: int, *, everything: bool, ok: bool) -> None:
        """Record a check at `now`, and schedule the next."""
        self._checked = now
        if not ok:
            wait = min(_BACKOFF * 2**self._failures, _FRESH_INTERVAL)
            self._failures = min(self._failures + 1, 10)
            self._fresh_due, self._all_due = now + wait, now
            return
        self._failures = 0
        next_settles = window_of(last_settled(now, self._settling)).end + DAY + self._settling
        self._fresh_due = min(now + _FRESH_INTERVAL, next_settles)
        if everything:
            self._all_due = min(now + _ALL_INTERVAL, next_settles)
