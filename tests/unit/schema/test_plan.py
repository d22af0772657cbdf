"""The planner: what it changes, what it leaves alone, and that it converges."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tstats.core.time import DAY, HOUR, INFINITE, MINUTE
from tstats.schema.plan import Change, Unmanaged, apply_to, plan
from tstats.schema.spec import DatabaseSpec, PolicySpec, served_shard_duration

AUTOGEN = PolicySpec(name="autogen", duration=INFINITE, shard_duration=7 * DAY, default=True)
DAILY = PolicySpec(name="daily", duration=26 * HOUR, shard_duration=HOUR)
EMPTY = DatabaseSpec(name="db", policies=(AUTOGEN,))


def database(*policies: PolicySpec, **queries: str) -> DatabaseSpec:
    return DatabaseSpec(name="db", policies=policies, continuous_queries=queries)


def only(wanted: DatabaseSpec, live: DatabaseSpec) -> Change:
    """Return the only change that is planned."""
    (change,) = plan([wanted], [live]).changes
    return change


def test_nothing_is_planned_where_nothing_differs() -> None:
    same = database(AUTOGEN, DAILY, q="SELECT …")
    assert plan([same], [same]).changes == ()


def test_a_missing_database_is_created_with_all_its_contents() -> None:
    wanted = database(PolicySpec(name="p", duration=HOUR, default=True), q="CREATE …")
    changes = plan([wanted], []).changes
    assert [(change.action, change.kind, change.name) for change in changes] == [
        ("create", "database", "db"),
        ("create", "retention policy", "p"),
        ("create", "continuous query", "q"),
    ]
    assert changes[1].statements == ("CREATE RETENTION POLICY p ON db DURATION 1h REPLICATION 1 DEFAULT",)
    assert changes[2].statements == ("CREATE …",)


def test_all_databases_come_before_all_policies_and_those_before_all_queries() -> None:
    wanted = [
        DatabaseSpec(name=name, policies=(DAILY,), continuous_queries={"q": f"CREATE … {name}"})
        for name in ("a", "b")
    ]
    assert [(change.kind, change.database) for change in plan(wanted, []).changes] == [
        ("database", "a"),
        ("database", "b"),
        ("retention policy", "a"),
        ("retention policy", "b"),
        ("continuous query", "a"),
        ("continuous query", "b"),
    ]


def test_the_policy_that_a_new_database_starts_with_is_altered_not_created() -> None:
    wanted = database(PolicySpec(name="autogen", duration=30 * DAY, default=True))
    _, change = plan([wanted], []).changes
    assert change.action == "alter"
    assert change.statements == ("ALTER RETENTION POLICY autogen ON db DURATION 30d SHARD DURATION 1d",)


def test_a_longer_duration_is_altered_and_loses_nothing() -> None:
    change = only(database(PolicySpec(name="daily", duration=30 * DAY)), database(AUTOGEN, DAILY))
    assert change.statements == ("ALTER RETENTION POLICY daily ON db DURATION 30d SHARD DURATION 1d",)
    assert change.detail == "duration 26h → 720h, shards 1h → 24h"
    assert not change.loses_data


@pytest.mark.parametrize(("before", "after"), [(INFINITE, 30 * DAY), (30 * DAY, 26 * HOUR)])
def test_a_shorter_duration_loses_points(before: int, after: int) -> None:
    live = database(PolicySpec(name="p", duration=before, shard_duration=served_shard_duration(before)))
    change = only(database(PolicySpec(name="p", duration=after)), live)
    assert change.loses_data
    assert "SHARD DURATION" in change.statements[0]


def test_an_infinite_duration_loses_nothing() -> None:
    change = only(database(PolicySpec(name="daily", duration=INFINITE)), database(AUTOGEN, DAILY))
    assert not change.loses_data
    assert change.detail == "duration 26h → INF, shards 1h → 168h"


def test_another_shard_duration_loses_nothing_and_leaves_out_the_duration() -> None:
    wanted = PolicySpec(name="daily", duration=26 * HOUR, shard_duration=2 * HOUR)
    change = only(database(wanted), database(AUTOGEN, DAILY))
    assert change.statements == ("ALTER RETENTION POLICY daily ON db SHARD DURATION 2h",)
    assert not change.loses_data


def test_a_shard_duration_that_is_left_to_the_server_is_not_compared() -> None:
    live = PolicySpec(name="daily", duration=26 * HOUR, shard_duration=5 * HOUR)
    assert plan([database(PolicySpec(name="daily", duration=26 * HOUR))], [database(live)]).changes == ()


def test_a_shard_duration_below_the_shortest_counts_as_the_shortest() -> None:
    wanted = PolicySpec(name="daily", duration=26 * HOUR, shard_duration=MINUTE)
    assert plan([database(wanted)], [database(AUTOGEN, DAILY)]).changes == ()


def test_another_replication_is_altered() -> None:
    wanted = PolicySpec(name="daily", duration=26 * HOUR, replication=3)
    change = only(database(wanted), database(AUTOGEN, DAILY))
    assert change.statements == ("ALTER RETENTION POLICY daily ON db REPLICATION 3",)
    assert change.detail == "replication 1 → 3"


def test_a_new_default_takes_over_and_the_old_one_needs_no_change() -> None:
    wanted = database(
        PolicySpec(name="autogen", duration=INFINITE),
        PolicySpec(name="daily", duration=26 * HOUR, default=True),
    )
    change = only(wanted, database(AUTOGEN, DAILY))
    assert change.statements == ("ALTER RETENTION POLICY daily ON db DEFAULT",)
    (after,) = apply_to([database(AUTOGEN, DAILY)], [change])
    assert [policy.name for policy in after.policies if policy.default] == ["daily"]


def test_a_default_stays_where_no_other_is_wanted() -> None:
    wanted = database(PolicySpec(name="autogen", duration=INFINITE))
    assert plan([wanted], [database(AUTOGEN, DAILY)]).changes == ()


def test_a_query_with_another_text_is_dropped_and_created_in_one_change() -> None:
    change = only(database(q="CREATE new"), database(AUTOGEN, q="CREATE old"))
    assert change.action == "replace"
    assert change.statements == ("DROP CONTINUOUS QUERY q ON db", "CREATE new")
    assert change.restore == "CREATE old"
    assert not change.loses_data


def test_what_is_not_wanted_is_named_and_left_alone() -> None:
    live = [
        database(AUTOGEN, DAILY, theirs="CREATE …"),
        DatabaseSpec(name="grafana", policies=(DAILY,)),
        DatabaseSpec(name="_internal"),
    ]
    planned = plan([DatabaseSpec(name="db")], live)
    assert planned.changes == ()
    assert planned.unmanaged == (
        Unmanaged(kind="retention policy", database="db", name="daily"),
        Unmanaged(kind="continuous query", database="db", name="theirs"),
        Unmanaged(kind="database", database="grafana", name="grafana"),
    )


def test_an_invalid_policy_or_database_is_refused_when_it_is_created() -> None:
    with pytest.raises(ValueError, match="negative"):
        PolicySpec(name="p", duration=-1)
    with pytest.raises(ValueError, match="shard duration is not positive"):
        PolicySpec(name="p", duration=0, shard_duration=0)
    with pytest.raises(ValueError, match="replicas"):
        PolicySpec(name="p", duration=0, replication=0)
    with pytest.raises(ValueError, match="more than one default"):
        database(AUTOGEN, PolicySpec(name="p", duration=0, default=True))
    with pytest.raises(ValueError, match="two policies have the same name"):
        database(DAILY, DAILY)


NAMES = st.sampled_from(["autogen", "daily", "monthly", "a b"])
DURATIONS = st.sampled_from([INFINITE, HOUR, 26 * HOUR, 2 * DAY, 30 * DAY, 180 * DAY])
SHARDS = st.sampled_from([None, MINUTE, HOUR, DAY, 7 * DAY])


@st.composite
def databases(draw: st.DrawFn, *, live: bool) -> tuple[DatabaseSpec, ...]:
    """Databases that can be wanted, or (`live`) that a server can have."""
    made = []
    for name in draw(st.lists(st.sampled_from(["one", "two", "_internal"]), unique=True)):
        policies = draw(st.lists(NAMES, unique=True))
        default = draw(st.sampled_from([None, *policies]))
        specs = []
        for policy in policies:
            duration = draw(DURATIONS)
            shards = draw(SHARDS)
            if live:  # a server always has one, of an hour or more
                shards = max(shards or served_shard_duration(duration), HOUR)
            specs.append(
                PolicySpec(
                    name=policy,
                    duration=duration,
                    shard_duration=shards,
                    replication=draw(st.integers(1, 3)),
                    default=policy == default,
                )
            )
        queries = draw(st.dictionaries(st.sampled_from("pqr"), st.sampled_from(["CREATE x", "CREATE y"])))
        made.append(DatabaseSpec(name=name, policies=tuple(specs), continuous_queries=queries))
    return tuple(made)


@given(databases(live=False), databases(live=True))
def test_a_plan_converges(wanted: tuple[DatabaseSpec, ...], live: tuple[DatabaseSpec, ...]) -> None:
    after = apply_to(live, plan(wanted, live).changes)
    assert plan(wanted, after).changes == ()


@given(databases(live=False), databases(live=True))
def test_a_plan_leaves_at_most_one_default_and_removes_nothing(
    wanted: tuple[DatabaseSpec, ...], live: tuple[DatabaseSpec, ...]
) -> None:
    planned = plan(wanted, live)
    after = {one.name: one for one in apply_to(live, planned.changes)}
    for before in live:
        now = after[before.name]
        assert {one.name for one in before.policies} <= {one.name for one in now.policies}
        assert before.continuous_queries.keys() <= now.continuous_queries.keys()
        assert any(one.default for one in now.policies) or not any(one.default for one in before.policies)
    assert plan(wanted, after.values()).unmanaged == planned.unmanaged


@given(databases(live=False), databases(live=True))
def test_a_change_that_deletes_points_says_so(
    wanted: tuple[DatabaseSpec, ...], live: tuple[DatabaseSpec, ...]
) -> None:
    kept = {(one.name, policy.name): policy.duration for one in live for policy in one.policies}
    for change in plan(wanted, live).changes:
        assert not re.search(r"DROP (?!CONTINUOUS QUERY)|DELETE", " ".join(change.statements))
        if change.policy is not None and change.action == "alter":
            before = kept.get((change.database, change.name), INFINITE)
            after = change.policy.duration
            assert change.loses_data == ((after or float("inf")) < (before or float("inf")))
        else:
            assert not change.loses_data
