"""What a sync found and did: counted while it runs, reported at its end."""

import threading
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

from tstats.core.time import format_time
from tstats.core.windows import Window


@dataclass(slots=True, kw_only=True)
class Counts:
    """What was found and done; a window of a measurement lies in a single shard of each side."""

    windows_compared: int = 0
    windows_different: int = 0
    points_read: int = 0
    points_written: int = 0
    points_missing: int = 0
    points_lower: int = 0
    points_target_ahead: int = 0
    points_only_in_target: int = 0

    def add(self, other: "Counts") -> None:
        """Add other counts to these."""
        for name in _NAMES:
            setattr(self, name, getattr(self, name) + getattr(other, name))


_NAMES = tuple(field.name for field in fields(Counts))


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementReport:
    """A measurement at the end of a sync.

    Attributes:
        database, retention_policy, measurement: which one.
        counts: what was found and done.
        unwritten: points that should have been written, but for a check or a dry run.
        verified: whether what was written was found again; None where nothing was written.
        error: why it could not be synced.
    """

    database: str
    retention_policy: str
    measurement: str
    counts: Counts
    unwritten: int = 0
    verified: bool | None = None
    error: str | None = None

    @property
    def in_sync(self) -> bool:
        """Whether both sides are equal, as the policy sees it."""
        return self.error is None and not self.unwritten and self.verified is not False

    def as_json(self) -> dict[str, Any]:
        """Return what `--output json` prints of it."""
        return {
            "database": self.database,
            "retention_policy": self.retention_policy,
            "measurement": self.measurement,
            **asdict(self.counts),
            "error": self.error,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardReport:
    """How the shards of one window were synced.

    Attributes:
        database, retention_policy, window: which ones.
        by_blocks: whether their blocks were compared; otherwise they were left to queries.
        unchanged: whether they were known to be equal, and have not changed since.
        equal: whether all blocks were equal from the start.
        points_uploaded, bytes_uploaded: what was uploaded as blocks.
        seconds_disabled: for which uploads kept the writers of a shard waiting.
        reason: why it, or some of its measurements, was left to queries.
    """

    database: str
    retention_policy: str
    window: Window
    by_blocks: bool = False
    unchanged: bool = False
    equal: bool = False
    points_uploaded: int = 0
    bytes_uploaded: int = 0
    seconds_disabled: float = 0.0
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what `--output json` prints of it."""
        return {
            "database": self.database,
            "retention_policy": self.retention_policy,
            "start": format_time(self.window.start),
            "end": format_time(self.window.end),
            "via": "shards" if self.by_blocks else "queries",
            "unchanged": self.unchanged,
            "equal": self.equal,
            "points_uploaded": self.points_uploaded,
            "bytes_uploaded": self.bytes_uploaded,
            "seconds_disabled": round(self.seconds_disabled, 3),
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """The report of a sync.

    Attributes:
        source, target: the URLs.
        measurements: every one that was asked for.
        schema_changes: what was or would be changed in the target's schema, as JSON.
        schema_in_sync: whether the target has the source's schema at the end.
        shards: how the shards were synced, where backup ports are given.
        seconds: from the first request to the last.
        error: why it ended early.
        apply: whether anything was to be written.
        warnings: what the user should know, although nothing failed.
    """

    source: str
    target: str
    measurements: tuple[MeasurementReport, ...] = ()
    schema_changes: tuple[dict[str, Any], ...] = ()
    schema_in_sync: bool = True
    shards: tuple[ShardReport, ...] = ()
    seconds: float = 0.0
    error: str | None = None
    apply: bool = True
    warnings: tuple[str, ...] = ()

    @property
    def in_sync(self) -> bool:
        """Whether everything that was asked for is equal on both sides, as the policy sees it."""
        return self.error is None and self.schema_in_sync and all(row.in_sync for row in self.measurements)

    @property
    def verified(self) -> bool:
        """Whether everything that was written was found again; true where nothing was written."""
        return (
            self.apply
            and self.error is None
            and all(row.verified is not False and row.error is None for row in self.measurements)
        )

    @property
    def failed(self) -> bool:
        """Whether something that was asked for could not be done."""
        return self.error is not None or any(
            row.error is not None or row.verified is False for row in self.measurements
        )

    def totals(self) -> Counts:
        """Return the counts of all measurements together."""
        total = Counts()
        for row in self.measurements:
            total.add(row.counts)
        return total

    def as_json(self) -> dict[str, Any]:
        """Return what `--output json` prints of it."""
        totals = self.totals()
        return {
            "source": self.source,
            "target": self.target,
            "in_sync": self.in_sync,
            "verified": self.verified,
            **asdict(totals),
            "schema_changes": list(self.schema_changes),
            "measurements": [row.as_json() for row in self.measurements],
            "shards": [row.as_json() for row in self.shards],
            "seconds": round(self.seconds, 3),
            "points_per_second": round(totals.points_written / self.seconds) if self.seconds else 0,
            "warnings": list(self.warnings),
            "error": self.error,
        }


class SyncProgress(Protocol):
    """Shows how far a sync is; called from several threads."""

    def begin(self, windows: int) -> None:
        """Take the number of windows that are to be synced in all."""

    def points(self, number: int) -> None:
        """Count points that have been read."""

    def window_done(self) -> None:
        """Count a window that has been synced."""


class Tally:
    """The counts of one measurement, to which several threads add."""

    def __init__(self) -> None:
        self.counts = Counts()
        self._lock = threading.Lock()

    def add(self, counts: Counts) -> None:
        """Add counts."""
        with self._lock:
            self.counts.add(counts)
