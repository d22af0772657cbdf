"""Provisioning a real influxd: SHOW prints what the golden files say."""

import json
from pathlib import Path

import pytest

from tstats.catalog import DATABASES, ROLLUPS
from tstats.core.time import DAY, HOUR, INFINITE, MINUTE
from tstats.influx import influxql
from tstats.influx.client import Influx
from tstats.schema.plan import apply_to, plan
from tstats.schema.provision import InstanceReport, catalog_schema, provision, read_live
from tstats.schema.spec import DatabaseSpec, PolicySpec, served_shard_duration

WANTED = catalog_schema(DATABASES, replication=1)


def apply(influx: Influx, *wanted: DatabaseSpec, allow_data_loss: bool = False) -> InstanceReport:
    return provision(influx, wanted or WANTED, allow_data_loss=allow_data_loss, apply=True)


def shown_policies(influx: Influx, database: str) -> dict[str, dict[str, object]]:
    (series,) = influx.query(f"SHOW RETENTION POLICIES ON {database}")
    return {
        row["name"]: {
            "kept": row["duration"],
            "shards": row["shardGroupDuration"],
            "default": row["default"],
        }
        for row in series.rows()
    }


def shown_queries(influx: Influx) -> list[str]:
    return [row["query"] for series in influx.query("SHOW CONTINUOUS QUERIES") for row in series.rows()]


def test_a_fresh_server_matches_the_golden_files(influx: Influx, golden: Path) -> None:
    report = apply(influx)
    assert report.in_sync
    assert len(report.changes) == 28
    assert all(one.applied for one in report.changes)
    policies = json.loads((golden / "retention_policies.json").read_text())
    assert {name: shown_policies(influx, name) for name in policies} == policies
    queries = (golden / "continuous_queries.txt").read_text().splitlines()
    assert sorted(shown_queries(influx)) == sorted(queries)


def test_the_replication_is_the_requested_one(influx: Influx) -> None:
    assert provision(
        influx, catalog_schema(DATABASES, replication=3), allow_data_loss=False, apply=True
    ).in_sync
    rows = [row for series in influx.query("SHOW RETENTION POLICIES ON cache_stats") for row in series.rows()]
    assert {row["name"]: row["replicaN"] for row in rows} == {
        "autogen": 1,
        "daily": 3,
        "monthly": 3,
        "indefinite": 3,
    }


def test_the_second_run_finds_nothing_to_do(influx: Influx) -> None:
    apply(influx)
    report = apply(influx)
    assert report.in_sync
    assert report.changes == ()
    assert report.unmanaged == ()


def test_a_plan_alone_changes_nothing(influx: Influx) -> None:
    report = provision(influx, WANTED, allow_data_loss=False, apply=False)
    assert not report.in_sync
    assert read_live(influx) == ()


def test_a_changed_policy_is_altered_back(influx: Influx) -> None:
    apply(influx)
    influx.query("ALTER RETENTION POLICY daily ON cache_stats DURATION 24h")
    influx.query("ALTER RETENTION POLICY monthly ON cache_stats DEFAULT")
    report = apply(influx)
    assert [(one.change.action, one.change.name, one.change.detail) for one in report.changes] == [
        ("alter", "daily", "duration 24h → 26h, becomes the default")
    ]
    assert report.in_sync


@pytest.mark.parametrize("duration", ["INF", "60d"])
def test_a_duration_is_shortened_only_when_that_is_allowed(influx: Influx, duration: str) -> None:
    apply(influx)
    statement = f"ALTER RETENTION POLICY daily ON cache_stats DURATION {duration} SHARD DURATION 7d"
    influx.query(statement)
    influx.query("DROP CONTINUOUS QUERY kbps_cg_1min ON deliveryservice_stats")
    refused = apply(influx)
    assert not refused.in_sync
    assert [(one.change.name, one.applied) for one in refused.changes] == [
        ("daily", False),
        ("kbps_cg_1min", True),
    ]
    assert shown_policies(influx, "cache_stats")["daily"]["shards"] == "168h0m0s"
    assert apply(influx, allow_data_loss=True).in_sync
    assert shown_policies(influx, "cache_stats")["daily"] == {
        "kept": "26h0m0s",
        "shards": "1h0m0s",
        "default": True,
    }


def test_points_survive_a_change_of_the_shard_duration(influx: Influx) -> None:
    apply(influx)
    influx.write(b"m value=1 17", database="daily_stats")
    wanted = DatabaseSpec(
        name="daily_stats",
        policies=(PolicySpec(name="indefinite", duration=INFINITE, shard_duration=DAY, default=True),),
    )
    assert apply(influx, wanted).in_sync
    (series,) = influx.query("SELECT value FROM m", database="daily_stats")
    assert series.values == [[17, 1]]


def test_a_query_with_another_text_is_replaced(influx: Influx, golden: Path) -> None:
    apply(influx)
    influx.query("DROP CONTINUOUS QUERY bandwidth_1min ON cache_stats")
    influx.query(
        "CREATE CONTINUOUS QUERY bandwidth_1min ON cache_stats BEGIN SELECT max(value) AS value"
        ' INTO cache_stats.monthly."bandwidth.1min" FROM cache_stats.daily.bandwidth GROUP BY time(1m) END'
    )
    report = apply(influx)
    assert [(one.change.action, one.change.name, one.applied) for one in report.changes] == [
        ("replace", "bandwidth_1min", True)
    ]
    assert sorted(shown_queries(influx)) == sorted(
        (golden / "continuous_queries.txt").read_text().splitlines()
    )


def test_the_old_query_stays_when_the_new_one_is_refused(influx: Influx) -> None:
    apply(influx)
    before = shown_queries(influx)
    text = (
        "CREATE CONTINUOUS QUERY bandwidth_1min ON cache_stats BEGIN SELECT max(value) INTO no.x.y FROM z END"
    )
    good = text.replace("FROM z", "FROM no.x.z GROUP BY time(1m)")  # parses, and names no database
    for wrong in (text, good):
        wanted = DatabaseSpec(name="cache_stats", continuous_queries={"bandwidth_1min": wrong})
        report = apply(influx, wanted)
        assert not report.in_sync
        assert not report.changes[0].applied
        assert sorted(shown_queries(influx)) == sorted(before)


def test_what_is_not_in_the_catalog_is_named_and_left_alone(influx: Influx) -> None:
    apply(influx)
    influx.query("CREATE DATABASE grafana")
    influx.query("CREATE RETENTION POLICY yearly ON cache_stats DURATION 365d REPLICATION 1")
    query = (
        "CREATE CONTINUOUS QUERY mine ON cache_stats BEGIN SELECT mean(value) INTO cache_stats.yearly.x"
        " FROM cache_stats.daily.bandwidth GROUP BY time(1h) END"
    )
    influx.query(query)
    report = apply(influx)
    assert report.in_sync
    assert [(one.kind, one.database, one.name) for one in report.unmanaged] == [
        ("retention policy", "cache_stats", "yearly"),
        ("continuous query", "cache_stats", "mine"),
        ("database", "grafana", "grafana"),
    ]
    assert query in shown_queries(influx)
    assert "yearly" in shown_policies(influx, "cache_stats")


def test_the_server_does_what_the_planners_model_predicts(influx: Influx) -> None:
    """Policies of all kinds, created and then altered into each other: the model equals what SHOW prints."""
    durations = [INFINITE, HOUR, 26 * HOUR, 2 * DAY, 179 * DAY, 180 * DAY]
    policies = [
        PolicySpec(name=f"p {number}", duration=duration, shard_duration=shards, replication=2)
        for number, (duration, shards) in enumerate(
            (duration, shards) for duration in durations for shards in (None, MINUTE, HOUR)
        )
    ]
    turned = [
        PolicySpec(name=policy.name, duration=other.duration, shard_duration=other.shard_duration)
        for policy, other in zip(policies, reversed(policies), strict=True)
    ]
    turned[3] = PolicySpec(name=turned[3].name, duration=turned[3].duration, default=True)
    own = PolicySpec(name="autogen", duration=30 * DAY)
    for wanted in (
        DatabaseSpec(name="a b", policies=(*policies, own)),
        DatabaseSpec(name="a b", policies=(own, *turned)),
    ):
        live = read_live(influx)
        model = apply_to(live, plan([wanted], live).changes)
        report = apply(influx, wanted, allow_data_loss=True)
        assert report.in_sync, report
        assert read_live(influx) == model


def test_the_shard_durations_that_the_server_chooses_are_known(influx: Influx) -> None:
    influx.query("CREATE DATABASE db")
    for hours in (1, 47, 48, 180 * 24 - 1, 180 * 24):
        influx.query(influxql.create_retention_policy("db", f"h{hours}", keep=hours * HOUR, replication=1))
    (live,) = read_live(influx)
    assert all(one.shard_duration == served_shard_duration(one.duration) for one in live.policies)


def test_every_continuous_query_of_the_catalog_rolls_up(influx: Influx) -> None:
    """Each SELECT … INTO is run on a minute of points: every target gets its field."""
    apply(influx)
    for rollup in ROLLUPS:
        if rollup.source_policy == "daily":
            tags = (
                "cachegroup=total"
                if rollup.condition and rollup.condition.operator == "="
                else "cachegroup=east"
            )
            line = f"{rollup.source},cdn=c,type=EDGE,deliveryservice=d,{tags} value=5"
            influx.write(line.encode(), database=rollup.database, policy="daily")
    for rollup in ROLLUPS:
        influx.query(influxql.select_rollup(rollup))
        source = influxql.rollup_target(rollup)
        (series,) = influx.query(f"SELECT {rollup.field} FROM {source}")
        assert series.values[-1][1] == 5, rollup.name
