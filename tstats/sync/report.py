"""What a sync found and did: counted while it goes on, told at its end."""

import threading
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Protocol


@dataclass(slots=True, kw_only=True)
class Counts:
    """What was found and done; windows are the stretches of a measurement between two edges of shards."""

    windows_compared: int = 0
    windows_different: int = 0
    points_read: int = 0
    points_written: int = 0
    points_missing: int = 0
    points_lower: int = 0
    points_target_ahead: int = 0
    points_only_in_target: int = 0

    def add(self, other: "Counts") -> None:
        """Count these too."""
        for one in fields(Counts):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementReport:
    """One measurement at the end.

    Attributes:
        database, retention_policy, measurement: which one.
        counts: what was found and done.
        unwritten: points that the policy asks for and that were not written, since nothing was to be.
        verified: whether what was written was found again; None where nothing was written.
        error: why it could not be synced as asked.
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
        """Whether both sides are the same, as the policy sees it."""
        return self.error is None and not self.unwritten and self.verified is not False

    def as_json(self) -> dict[str, Any]:
        """The shape that `--output json` promises."""
        return {
            "database": self.database,
            "retention_policy": self.retention_policy,
            "measurement": self.measurement,
            **asdict(self.counts),
            "error": self.error,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """A sync at its end.

    Attributes:
        source, target: the URLs.
        measurements: each that was asked for.
        schema_changes: what was or would be done to the target's schema, as JSON.
        schema_in_sync: whether the target has, at the end, the schema that the source has.
        seconds: from the first request to the last.
        error: why it ended early.
        apply: whether anything was to be written.
    """

    source: str
    target: str
    measurements: tuple[MeasurementReport, ...] = ()
    schema_changes: tuple[dict[str, Any], ...] = ()
    schema_in_sync: bool = True
    seconds: float = 0.0
    error: str | None = None
    apply: bool = True

    @property
    def in_sync(self) -> bool:
        """Whether all that was asked is the same on both sides, as the policy sees it."""
        return self.error is None and self.schema_in_sync and all(one.in_sync for one in self.measurements)

    @property
    def verified(self) -> bool:
        """Whether all that was written was found again at the end; true where nothing was."""
        return (
            self.apply
            and self.error is None
            and all(one.verified is not False and one.error is None for one in self.measurements)
        )

    @property
    def failed(self) -> bool:
        """Whether something that was asked could not be done."""
        return self.error is not None or any(
            one.error is not None or one.verified is False for one in self.measurements
        )

    def totals(self) -> Counts:
        """All measurements together."""
        total = Counts()
        for one in self.measurements:
            total.add(one.counts)
        return total

    def as_json(self) -> dict[str, Any]:
        """The shape that `--output json` promises."""
        totals = self.totals()
        return {
            "source": self.source,
            "target": self.target,
            "in_sync": self.in_sync,
            "verified": self.verified,
            **asdict(totals),
            "schema_changes": list(self.schema_changes),
            "measurements": [one.as_json() for one in self.measurements],
            "seconds": round(self.seconds, 3),
            "points_per_second": round(totals.points_written / self.seconds) if self.seconds else 0,
            "error": self.error,
        }


class Progress(Protocol):
    """Told how far a sync is; called by several threads."""

    def begin(self, windows: int) -> None:
        """So many windows are to be synced in all."""

    def points(self, number: int) -> None:
        """So many more points were read."""

    def window_done(self) -> None:
        """One more window is synced."""


class NoProgress:
    """Tells nothing."""

    def begin(self, windows: int) -> None:
        """Tell nothing."""

    def points(self, number: int) -> None:
        """Tell nothing."""

    def window_done(self) -> None:
        """Tell nothing."""


@dataclass(slots=True)
class Tally:
    """Counts of one measurement that several threads add to."""

    counts: Counts = field(default_factory=Counts)
    unwritten: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, counts: Counts) -> None:
        """Count these too."""
        with self._lock:
            self.counts.add(counts)

    def withhold(self, points: int) -> None:
        """So many points would have been written."""
        with self._lock:
            self.unwritten += points
