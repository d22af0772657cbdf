"""What a sync is about: which measurements, and in which windows of time they have points."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tstats.catalog import DAILY, DATABASES
from tstats.core.time import DAY, INFINITE, MINUTE
from tstats.core.windows import Window, stretches
from tstats.influx.client import Influx
from tstats.influx.measurements import Shape, read_extent, read_shapes, read_shards
from tstats.influx.rows import NUMBERS, Kind
from tstats.schema.spec import DatabaseSpec
from tstats.sync.merge import Policy

# Longer shards are cut; they can be nearly empty.
LONG_STRETCH = 7 * DAY
# Points about to expire are left: the target would refuse those that expire while they are on their way.
EXPIRING = 5 * MINUTE


FEW_POINTS = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of a sync.

    Attributes:
        databases: names of the catalog.
        all_must_exist: the source must have each of them; else one of them is enough.
        window: the times to sync; hot minutes are outside of it already.
        now: the time of the request, in ns.
        measurements: patterns as of the shell; none asks for all.
        raw: the raw points of the policy `daily` too.
        policy: which value stays where both sides have one.
        both_ways: the source is healed too.
        exact: every point is compared, digests are not trusted.
        few: nor are they for windows in which both sides together have no more points than this.
        apply: False compares only.
        jobs: measurements at once.
        rate: the most points written in a second; None for as many as can be.
    """

    databases: tuple[str, ...]
    window: Window
    now: int
    all_must_exist: bool = False
    measurements: tuple[str, ...] = ()
    raw: bool = False
    policy: Policy = Policy.MAX
    both_ways: bool = False
    exact: bool = False
    few: int = FEW_POINTS
    apply: bool = True
    jobs: int = 2
    rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one server has of a measurement.

    Attributes:
        influx: the server.
        fields: the types of each field; empty where it lacks the measurement.
        extents: where it may have points; elsewhere it has none.
    """

    influx: Influx
    fields: Mapping[str, frozenset[Kind]]
    extents: tuple[Window, ...]

    def may_have_points_in(self, window: Window) -> bool:
        """Whether it is worth asking."""
        return bool(self.fields) and any(extent.overlap(window) for extent in self.extents)

    def kind(self, field: str) -> Kind | None:
        """The type of a field, None where it lacks the field or has it in several types."""
        kinds = self.fields.get(field, frozenset())
        return next(iter(kinds)) if len(kinds) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A measurement of a retention policy, on both sides.

    Attributes:
        database, policy, measurement: its name.
        source, target: the sides.
        fields: the names of all fields of either side, sorted.
        tags: the keys of all tags of either side, sorted.
        stretches: the windows to be synced, oldest first, each in one shard of each side.
    """

    database: str
    policy: str
    measurement: str
    source: Side
    target: Side
    fields: tuple[str, ...]
    tags: tuple[str, ...]
    stretches: tuple[Window, ...]

    @property
    def name(self) -> str:
        """As reports and errors call it."""
        return f"{self.database}.{self.policy}.{self.measurement}"

    def has_one_type_a_field(self) -> bool:
        """Whether each field has one type on each side, and numbers stand against numbers."""
        for field in self.fields:
            sides = [side.fields[field] for side in (self.source, self.target) if field in side.fields]
            if any(len(kinds) != 1 for kinds in sides):
                return False
            if len({kind if kind not in NUMBERS else "number" for kinds in sides for kind in kinds}) > 1:
                return False
        return True

    def digests_suffice(self, policy: Policy) -> bool:
        """Whether counts and sums can tell all that matters under the policy."""
        kinds = {
            kind for side in (self.source, self.target) for found in side.fields.values() for kind in found
        }
        return self.has_one_type_a_field() and (policy is not Policy.SOURCE or kinds <= NUMBERS)


def find_subjects(
    request: Request,
    source: Influx,
    target: Influx,
    *,
    source_schema: Iterable[DatabaseSpec],
    target_schema: Iterable[DatabaseSpec],
) -> list[Subject]:
    """Every measurement that is asked for and that either side has in the window.

    Raises:
        TstatsError: a server cannot tell what it has.
    """
    ours, theirs = _Live(source, source_schema), _Live(target, target_schema)
    found: list[Subject] = []
    for database in DATABASES:
        if database.name not in request.databases:
            continue
        for policy in (one.name for one in database.policies if request.raw or one.name != DAILY):
            here, there = ours.shapes(database.name, policy), theirs.shapes(database.name, policy)
            window = _kept(request, ours, theirs, database.name, policy)
            if window is not None:
                found.extend(
                    _subject(database.name, policy, measurement, window, ours, theirs)
                    for measurement in sorted(here.keys() | there.keys())
                    if _asked(measurement, request.measurements)
                )
    return found


def _asked(measurement: str, patterns: Collection[str]) -> bool:
    return not patterns or any(fnmatchcase(measurement, pattern) for pattern in patterns)


def _kept(request: Request, ours: "_Live", theirs: "_Live", database: str, policy: str) -> Window | None:
    """The part of the asked window that both sides keep points of."""
    durations = [
        duration for live in (ours, theirs) if (duration := live.duration(database, policy)) != INFINITE
    ]
    start = max([request.window.start, *(request.now - duration + EXPIRING for duration in durations)])
    return Window(start=start, end=request.window.end) if start < request.window.end else None


def _subject(
    database: str, policy: str, measurement: str, window: Window, ours: "_Live", theirs: "_Live"
) -> Subject:
    sides: list[Side] = []
    tags: set[str] = set()
    for live in (ours, theirs):
        shape = live.shapes(database, policy).get(measurement, Shape(fields={}, tags=()))
        extents = live.extents(database, policy, measurement) if shape.fields else ()
        sides.append(Side(influx=live.influx, fields=shape.fields, extents=extents))
        tags.update(shape.tags)
    source, target = sides
    extents = (*source.extents, *target.extents)
    return Subject(
        database=database,
        policy=policy,
        measurement=measurement,
        source=source,
        target=target,
        fields=tuple(sorted(source.fields.keys() | target.fields.keys())),
        tags=tuple(sorted(tags)),
        stretches=tuple(stretches(window, extents, longest=LONG_STRETCH)),
    )


class _Live:
    """What a server has, each thing asked for once."""

    def __init__(self, influx: Influx, schema: Iterable[DatabaseSpec]) -> None:
        self.influx = influx
        self._durations = {
            (database.name, policy.name): policy.duration
            for database in schema
            for policy in database.policies
        }
        self._shapes: dict[tuple[str, str], dict[str, Shape]] = {}
        self._shards = read_shards(influx)

    def duration(self, database: str, policy: str) -> int:
        """How long points are kept, in ns; `INFINITE` too where there is no such policy."""
        return self._durations.get((database, policy), INFINITE)

    def shapes(self, database: str, policy: str) -> dict[str, Shape]:
        """The measurements by name; none where there is no such policy."""
        place = (database, policy)
        if place not in self._shapes:
            known = place in self._durations
            self._shapes[place] = read_shapes(self.influx, database, policy) if known else {}
        return self._shapes[place]

    def extents(self, database: str, policy: str, measurement: str) -> tuple[Window, ...]:
        """Where a measurement may have points: the shards of its policy, or its first and last point."""
        if self._shards is not None:
            return tuple(self._shards.get((database, policy), ()))
        fields = self.shapes(database, policy)[measurement].fields
        extent = read_extent(self.influx, database, policy, measurement, fields)
        return () if extent is None else (extent,)
