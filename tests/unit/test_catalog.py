"""The catalog is complete, without duplicates and in order, and its facts match Go's tools."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tstats import catalog
from tstats.core.model import CatalogDatabase, Rollup
from tstats.core.time import DAY, HOUR, MINUTE, parse_go_duration
from tstats.influx.influxql import create_continuous_query


def by_name(rollup: Rollup) -> str:
    return rollup.name


def database_of(rollup: Rollup) -> CatalogDatabase:
    return next(database for database in catalog.DATABASES if database.name == rollup.database)


def test_raw_points_outlive_a_whole_day_and_the_samples_that_are_collected() -> None:
    kept = {
        policy.duration
        for database in catalog.DATABASES
        for policy in database.policies
        if policy.name == catalog.DAILY
    }
    assert kept == {catalog.RAW_RETENTION} == {26 * HOUR}
    assert DAY <= catalog.MAX_SAMPLE_AGE < catalog.RAW_RETENTION


def test_it_names_the_three_databases_of_traffic_control() -> None:
    assert [database.name for database in catalog.DATABASES] == [
        "cache_stats",
        "daily_stats",
        "deliveryservice_stats",
    ]


def test_it_lists_the_rollups_of_all_databases() -> None:
    assert len(catalog.ROLLUPS) == 18
    assert list(catalog.ROLLUPS) == [rollup for database in catalog.DATABASES for rollup in database.rollups]


def test_no_two_rollups_share_a_name() -> None:
    assert max(Counter(map(by_name, catalog.ROLLUPS)).values()) == 1


def test_no_two_rollups_write_the_same_field() -> None:
    written = Counter((rollup.database, rollup.target, rollup.field) for rollup in catalog.ROLLUPS)
    assert max(written.values()) == 1


@pytest.mark.parametrize("database", catalog.DATABASES, ids=lambda database: database.name)
def test_a_database_has_one_default_policy_and_each_name_once(database: CatalogDatabase) -> None:
    assert [policy.default for policy in database.policies].count(True) == 1
    assert len({policy.name for policy in database.policies}) == len(database.policies)


@pytest.mark.parametrize("rollup", catalog.ROLLUPS, ids=by_name)
def test_a_rollup_stays_in_its_database_and_its_policies_exist(rollup: Rollup) -> None:
    database = database_of(rollup)
    assert rollup in database.rollups
    assert {rollup.source_policy, rollup.target_policy} <= {policy.name for policy in database.policies}


@pytest.mark.parametrize("rollup", catalog.ROLLUPS, ids=by_name)
def test_a_source_is_collected_or_written_by_an_earlier_rollup(rollup: Rollup) -> None:
    if rollup.source_policy == catalog.DAILY:
        return
    rollups = database_of(rollup).rollups
    before = rollups[: rollups.index(rollup)]
    assert (rollup.source_policy, rollup.source) in {(other.target_policy, other.target) for other in before}


@pytest.mark.parametrize("rollup", catalog.ROLLUPS, ids=by_name)
def test_a_rollup_is_kept_at_least_as_long_as_its_source(rollup: Rollup) -> None:
    kept = {policy.name: policy.duration or float("inf") for policy in database_of(rollup).policies}
    assert kept[rollup.target_policy] >= kept[rollup.source_policy]


@pytest.mark.parametrize("rollup", catalog.ROLLUPS, ids=by_name)
def test_a_rollup_is_recomputed_in_whole_intervals_and_further_back_than_its_source(rollup: Rollup) -> None:
    assert rollup.interval in {MINUTE, DAY}
    assert rollup.resample % rollup.interval == 0
    sources = [other for other in catalog.ROLLUPS if other.target == rollup.source]
    assert all(rollup.resample > source.resample for source in sources)


@pytest.mark.parametrize("rollup", catalog.ROLLUPS, ids=by_name)
def test_a_rollup_of_a_rollup_reads_a_field_that_exists(rollup: Rollup) -> None:
    sources = [other for other in database_of(rollup).rollups if other.target == rollup.source]
    assert all(source.field == "value" for source in sources)


def test_the_continuous_queries_match_the_golden_file(*, golden: Path, update_golden: bool) -> None:
    file = golden / "continuous_queries.txt"
    text = "".join(f"{create_continuous_query(rollup)}\n" for rollup in catalog.ROLLUPS)
    if update_golden:
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_the_policies_match_the_golden_file(golden: Path) -> None:
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


def test_every_one_minute_rollup_of_a_cdn_or_a_delivery_service_is_a_metric_of_the_api() -> None:
    rollups = [rollup for rollup in catalog.ROLLUPS if rollup.interval == MINUTE]
    of_cdns = {rollup.target: rollup for rollup in rollups if rollup.tags == ("cdn",)}
    of_services = {rollup.target: rollup for rollup in rollups if rollup.target.endswith(".ds.1min")}
    assert {f"{name}.cdn.1min": rollup for name, rollup in catalog.CACHE_METRICS.items()} == of_cdns
    assert {
        f"{name}.ds.1min": rollup for name, rollup in catalog.DELIVERYSERVICE_METRICS.items()
    } == of_services
    assert of_cdns
    assert of_services
