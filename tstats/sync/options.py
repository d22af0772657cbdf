"""What is asked of a sync."""

from dataclasses import dataclass
from typing import Literal

from tstats.core.windows import Window
from tstats.sync.merge import Policy

Via = Literal["auto", "shards", "queries"]

# Up to so many points of both sides together are compared one by one: no digest is faster or sees more.
EXACT_BELOW = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions:
    """The options of a sync.

    Attributes:
        databases: names of the catalog.
        window: the times to sync; minutes that are still being rewritten are already left out.
        now: the time of the request, in ns since the epoch.
        all_must_exist: the source must have each database; otherwise one is enough.
        measurements: shell patterns; empty means all.
        raw: include the raw points of the policy `daily`.
        policy: which value wins where both sides have one.
        both_ways: give the source what it lacks, too.
        exact: compare every point, and trust no digest.
        exact_below: compare every point of windows in which both sides together have at most this many.
        apply: write; False only compares.
        jobs: measurements at once.
        rate: at most so many points written per second; None for no limit.
        via: `shards` fails where the backup ports cannot be used, `auto` then goes by queries.
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
    exact_below: int = EXACT_BELOW
    apply: bool = True
    jobs: int = 2
    rate: float | None = None
    via: Via = "auto"
