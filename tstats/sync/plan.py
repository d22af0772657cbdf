"""Plan a sync: which measurements, and the windows in which either side may have points of them."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase

from tstats.catalog import DAILY, DATABASES, ROLLUPS
from tstats.core.time import DAY, INFINITE, MINUTE
from tstats.core.windows import Window, cut_at_edges
from tstats.errors import ConfigError
from tstats.influx.rows import NUMBERS, Kind
from tstats.sync.merge import Policy
from tstats.sync.options import SyncOptions

# Longer shards, which can be nearly empty, are cut into windows of this length.
LONGEST_WINDOW = 7 * DAY
# Points that are about to expire are left out: the target would refuse those that expire on their way.
EXPIRING = 5 * MINUTE
# How alike a name and a pattern have to be for the name to be suggested.
_NEAR = 0.5

PolicyName = tuple[str, str]
"""A database and one of its retention policies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What one side holds of a measurement.

    Attributes:
        fields: the types of each field; empty where the side does not have the measurement.
        tags: the keys of its tags.
        extents: the windows in which it may have points; elsewhere it has none.
    """

    fields: Mapping[str, frozenset[Kind]] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    extents: tuple[Window, ...] = ()

    def may_have_points_in(self, window: Window) -> bool:
        """Tell whether it is worth asking."""
        return bool(self.fields) and any(extent.overlap(window) for extent in self.extents)

    def kind(self, name: str) -> Kind | None:
        """Return the type of a field; None where the field is missing or has several types."""
        kinds = self.fields.get(name, frozenset())
        return next(iter(kinds)) if len(kinds) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What one side has of the retention policies that are asked for.

    Attributes:
        durations: how long each policy keeps points, in ns.
        measurements: what each policy holds, by measurement; those not asked for are only named.
    """

    durations: Mapping[PolicyName, int]
    measurements: Mapping[PolicyName, Mapping[str, Held]]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementPlan:
    """A measurement of a retention policy, as it is on both sides.

    Attributes:
        database, policy, measurement: its name.
        source, target: what each side holds.
        fields: the names of all fields of either side, sorted.
        tags: the keys of all tags of either side, sorted.
        windows: what to sync, oldest first; each lies in a single shard of each side.
    """

    database: str
    policy: str
    measurement: str
    source: Held
    target: Held
    fields: tuple[str, ...]
    tags: tuple[str, ...]
    windows: tuple[Window, ...]

    def presence_interval(self, policy: Policy) -> int | None:
        """Return the interval, in ns, of a rollup of which only missing points matter under the policy.

        None for what may have points at any time, and where values matter.
        """
        intervals = (
            rollup.interval
            for rollup in ROLLUPS
            if (rollup.database, rollup.target_policy, rollup.target)
            == (self.database, self.policy, self.measurement)
        )
        return next(intervals, None) if policy is Policy.MISSING else None

    @property
    def name(self) -> str:
        """The full name, for reports and errors."""
        return f"{self.database}.{self.policy}.{self.measurement}"

    def has_uniform_field_types(self) -> bool:
        """Tell whether each field has one type per side, and numbers face numbers."""
        for name in self.fields:
            sides = [held.fields[name] for held in (self.source, self.target) if name in held.fields]
            if any(len(kinds) != 1 for kinds in sides):
                return False
            if len({kind if kind not in NUMBERS else "number" for kinds in sides for kind in kinds}) > 1:
                return False
        return True

    def digests_suffice(self, policy: Policy) -> bool:
        """Tell whether counts and sums show every difference that matters under the policy."""
        kinds = {
            kind for held in (self.source, self.target) for found in held.fields.values() for kind in found
        }
        return self.has_uniform_field_types() and (policy is not Policy.SOURCE or kinds <= NUMBERS)


def asked_policies(options: SyncOptions) -> list[PolicyName]:
    """Return the retention policies that a sync covers, in the order of the catalog."""
    return [
        (database.name, policy.name)
        for database in DATABASES
        if database.name in options.databases
        for policy in database.policies
        if options.raw or policy.name != DAILY
    ]


def plan(options: SyncOptions, source: Contents, target: Contents) -> list[MeasurementPlan]:
    """Plan every measurement that is asked for and that either side has.

    Raises:
        ConfigError: a pattern matches no measurement of either side.
    """
    places = asked_policies(options)
    _check_patterns(
        options,
        {name for side in (source, target) for place in places for name in side.measurements.get(place, {})},
    )
    return [found for place in places for found in _plan_policy(options, place, source, target)]


def _plan_policy(
    options: SyncOptions, place: PolicyName, source: Contents, target: Contents
) -> Iterator[MeasurementPlan]:
    window = _kept(options, place, source, target)
    if window is None:
        return
    sides = tuple(contents.measurements.get(place, {}) for contents in (source, target))
    for name in sorted(sides[0].keys() | sides[1].keys()):
        if not is_asked(name, options):
            continue
        ours, theirs = (side.get(name, Held()) for side in sides)
        extents = (*ours.extents, *theirs.extents)
        yield MeasurementPlan(
            database=place[0],
            policy=place[1],
            measurement=name,
            source=ours,
            target=theirs,
            fields=tuple(sorted(ours.fields.keys() | theirs.fields.keys())),
            tags=tuple(sorted({*ours.tags, *theirs.tags})),
            windows=tuple(cut_at_edges(window, extents, longest=LONGEST_WINDOW)),
        )


def _check_patterns(options: SyncOptions, names: Collection[str]) -> None:
    for pattern in options.measurements:
        if not any(fnmatchcase(name, pattern) for name in names):
            nearest = get_close_matches(pattern, names, cutoff=_NEAR)
            hint = f"; did you mean {' or '.join(nearest)}?" if nearest else ""
            raise ConfigError(f"--measurement: neither side has a measurement {pattern!r}{hint}")


def kept_windows(options: SyncOptions, source: Contents, target: Contents) -> dict[PolicyName, Window]:
    """Return the part of the asked window of which both sides keep points, by retention policy."""
    kept = {place: _kept(options, place, source, target) for place in asked_policies(options)}
    return {place: window for place, window in kept.items() if window is not None}


def without(plan: MeasurementPlan, done: Collection[Window]) -> MeasurementPlan:
    """Return a plan without the windows that lie in those that are done."""
    left = (window for window in plan.windows if all(window.overlap(part) != window for part in done))
    return replace(plan, windows=tuple(left))


def is_asked(measurement: str, options: SyncOptions) -> bool:
    """Tell whether the patterns of the options name a measurement."""
    patterns = options.measurements
    return not patterns or any(fnmatchcase(measurement, pattern) for pattern in patterns)


def _kept(options: SyncOptions, place: PolicyName, *sides: Contents) -> Window | None:
    """Return the part of the asked window of which both sides keep points."""
    durations = [contents.durations.get(place, INFINITE) for contents in sides]
    limits = [options.now - duration + EXPIRING for duration in durations if duration != INFINITE]
    start = max([options.window.start, *limits])
    return Window(start=start, end=options.window.end) if start < options.window.end else None
