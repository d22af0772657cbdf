"""The catalog is whole: nothing is used before it exists, nothing is there twice, the facts are Go's."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tstats import catalog
from tstats.core.model import Database, Rollup
from tstats.core.time import DAY, MINUTE, parse_go_duration
from tstats.influx.influxql import create_continuous_query


def by_name(rollup: Rollup) -> str:
    return rollup.name


def database_of(rollup: Rollup) -> Database:
    return next(database for database in catalog.DATABASES if database.name == rollup.database)


def test_it_names_the_three_databases_of_traffic_control() -> None:
    assert [database.name for database in catalog.DATABASES] == [
        "cache_stats",
        "daily_stats",
        "deliveryservice_stats",
    ]


def test_it_has_all_rollups_of_all_databases() -> None:
    assert len(catalog.ROLLUPS) == 18
    assert list(catalog.ROLLUPS) == [rollup for database in catalog.DATABASES for rollup in database.rollups]


def test_no_two_rollups_share_a_name() -> None:
    assert max(Counter(map(by_name, catalog.ROLLUPS)).values()) == 1


def test_no_two_rollups_write_the_same_field() -> None:
    written = Counter((rollup.database, rollup.target, rollup.field) for rollup in catalog.ROLLUPS)
    assert max(written.values()) == 1


@pytest.mark.parametrize("database", catalog.DATABASES, ids=lambda database: database.name)
def test_a_database_has_one_default_policy_and_each_name_once(database: Database) -> None:
    assert [policy.default for policy in database.policies].count(True) == 1
    assert len({policy.name for policy in database.policies}) == len(database.policies)


@pytest.mark.parametrize("rollup", catalog.ROLLUPS, ids=by_name)
def test_a_rollup_stays_in_its_database_and_its_policies_exist(rollup: Rollup) -> None:
    database = database_of(rollup)
    assert rollup in database.rollups
    assert {rollup.source_policy, rollup.target_policy} <= {policy.name for policy in database.policies}


@pytest.mark.parametrize("rollup", catalog.ROLLUPS, ids=by_name)
def test_a_source_is_collected_or_made_by_a_rollup_that_comes_before(rollup: Rollup) -> None:
    if rollup.source_policy == catalog.DAILY:
        return
    rollups = database_of(rollup).rollups
    before = rollups[: rollups.index(rollup)]
    assert (rollup.source_policy, rollup.source) in {(one.target_policy, one.target) for one in before}


@pytest.mark.parametrize("rollup", catalog.ROLLUPS, ids=by_name)
def test_no_rollup_is_kept_shorter_than_its_source(rollup: Rollup) -> None:
    kept = {policy.name: policy.duration or float("inf") for policy in database_of(rollup).policies}
    assert kept[rollup.target_policy] >= kept[rollup.source_policy]


@pytest.mark.parametrize("rollup", catalog.ROLLUPS, ids=by_name)
def test_a_rollup_is_recomputed_for_whole_intervals_longer_than_its_source_s(rollup: Rollup) -> None:
    assert rollup.interval in {MINUTE, DAY}
    assert rollup.resample % rollup.interval == 0
    sources = [one for one in catalog.ROLLUPS if one.target == rollup.source]
    assert all(rollup.resample > one.resample for one in sources)


@pytest.mark.parametrize("rollup", catalog.ROLLUPS, ids=by_name)
def test_a_rollup_of_a_rollup_reads_a_field_that_there_is(rollup: Rollup) -> None:
    sources = [one for one in database_of(rollup).rollups if one.target == rollup.source]
    assert all(one.field == "value" for one in sources)


def test_the_continuous_queries_are_those_of_the_golden_file(*, golden: Path, update_golden: bool) -> None:
    file = golden / "continuous_queries.txt"
    text = "".join(f"{create_continuous_query(rollup)}\n" for rollup in catalog.ROLLUPS)
    if update_golden:
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_the_policies_are_those_of_the_golden_file(golden: Path) -> None:
    facts = json.loads((golden / "retention_policies.json").read_text(encoding="utf-8"))
    ours = {
        database.name: {policy.name: (policy.duration, policy.default) for policy in database.policies}
        for database in catalog.DATABASES
    }
    theirs = {
        database: {
            name: (parse_go_duration(policy["kept"]), policy["default"])
            for name, policy in policies.items()
            if name != "autogen"
        }
        for database, policies in facts.items()
    }
    assert ours == theirs


def test_every_value_a_minute_of_a_cdn_or_a_delivery_service_is_a_metric_of_the_api() -> None:
    by_the_minute = [one for one in catalog.ROLLUPS if one.interval == MINUTE]
    of_cdns = {one.target: one for one in by_the_minute if one.tags == ("cdn",)}
    of_services = {one.target: one for one in by_the_minute if one.target.endswith(".ds.1min")}
    assert {f"{name}.cdn.1min": one for name, one in catalog.CACHE_METRICS.items()} == of_cdns
    assert {f"{name}.ds.1min": one for name, one in catalog.DELIVERYSERVICE_METRICS.items()} == of_services
    assert of_cdns
    assert of_services
