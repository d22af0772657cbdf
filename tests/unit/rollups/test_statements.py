"""The statements that recompute and compare rollups, and the settings that concern them."""

import json
from pathlib import Path

import pytest

from tstats.catalog import ROLLUPS_BY_NAME
from tstats.config.loading import load
from tstats.core.time import DAY, HOUR, MINUTE, parse_duration
from tstats.errors import ConfigError
from tstats.influx import influxql


def test_bounds_are_added_to_the_condition_of_the_rollup() -> None:
    assert influxql.select_rollup(ROLLUPS_BY_NAME["kbps_ds_1min"], start=60, end=120) == (
        'SELECT mean(value) AS value INTO deliveryservice_stats.monthly."kbps.ds.1min"'
        " FROM deliveryservice_stats.daily.kbps WHERE cachegroup = 'total' AND time >= 60 AND time < 120"
        " GROUP BY time(1m), * fill(none)"
    )


def test_bounds_are_the_only_condition_of_a_rollup_without_one() -> None:
    statement = influxql.select_rollup(ROLLUPS_BY_NAME["max_kbps_ds_1day"], start=0, end=DAY)
    assert f" WHERE time >= 0 AND time < {DAY} GROUP BY time(1d), deliveryservice, cdn" in statement


def test_tags_from_outside_are_quoted() -> None:
    statement = influxql.one_series_of([{"cdn": "it's", "select": "a"}, {"cdn": "b"}])
    assert statement == "((cdn::tag = 'it\\'s' AND \"select\"::tag = 'a') OR (cdn::tag = 'b'))"


@pytest.mark.parametrize(
    ("text", "nanoseconds"), [("26h", 26 * HOUR), ("90m", 90 * MINUTE), ("2d", 2 * DAY), ("1ns", 1)]
)
def test_duration(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    "text", ["", "26", "h", "0h", "-1h", "1.5h", "1 h", "1h30m", "1y", "٣h", "9999999999h"]
)
def test_invalid_duration(text: str) -> None:
    with pytest.raises(ValueError, match="invalid duration"):
        parse_duration(text)


def written(folder: Path, **more: object) -> Path:
    file = folder / "traffic_stats.cfg"
    file.write_text(json.dumps({"toUrl": "https://to", "influxUrls": ["http://localhost:8086"], **more}))
    return file


def test_continuous_queries_compute_the_rollups_by_default(
    tmp_path: Path,
) -> None:
    assert load(written(tmp_path), {}).rollup_mode == "influxdb"
    assert load(written(tmp_path, rollupMode="tstats"), {}).rollup_mode == "tstats"
    with pytest.raises(ConfigError, match="rollupMode"):
        load(written(tmp_path, rollupMode="both"), {})
