"""When a daemon looks at the days: seldom enough to cost nothing, often enough to miss nothing."""

from datetime import UTC, datetime

from tstats.summaries.day import last_settled, window

# Seconds between two looks at the days that late data may still change, and at all days.
_FRESH_EVERY = 600.0
_ALL_EVERY = 86_400.0
# Seconds after a failure; each further one in a row doubles them, up to _FRESH_EVERY.
_AFTER_FAILURE = 60.0


class Schedule:
    """When a daemon looks again, in seconds since the epoch."""

    def __init__(self, settle_minutes: int) -> None:
        self._settle_minutes = settle_minutes
        self._looked = 0.0
        self._fresh_due = 0.0
        self._all_due = 0.0
        self._failures = 0

    def is_due(self, now: float) -> bool:
        """Whether there may be something to do; a clock that was set back makes it so."""
        return not self._looked <= now < self._fresh_due

    def is_everything_due(self, now: float) -> bool:
        """Whether all days are to be looked at, not only those that late data may still change."""
        return not self._looked <= now < self._all_due

    def note(self, now: float, *, everything: bool, ok: bool) -> None:
        """Plan the next look, after one at `now`."""
        self._looked = now
        if not ok:
            wait = min(_AFTER_FAILURE * 2**self._failures, _FRESH_EVERY)
            self._failures = min(self._failures + 1, 10)
            self._fresh_due, self._all_due = now + wait, now
            return
        self._failures = 0
        end_of_last = (
            window(last_settled(datetime.fromtimestamp(now, UTC), self._settle_minutes)).end // 10**9
        )
        next_settles = end_of_last + 86_400 + self._settle_minutes * 60
        self._fresh_due = min(now + _FRESH_EVERY, next_settles)
        if everything:
            self._all_due = min(now + _ALL_EVERY, next_settles)
