"""The doctor on a healthy installation, and on many broken ones: each fault is named with its remedy."""

import json
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.days import migrated, sql_rows
from tests.support.emptied import emptied
from tests.support.influxd import Influxd
from tests.support.installation import HOUR, Installation, findings
from tests.support.ports import NOBODY, NOBODY_PORT
from tests.support.postgres import Postgres
from tests.support.rollups import raw_points, write
from tests.support.stand_in import Reply, StandIn
from tstats import catalog
from tstats.cli import app
from tstats.collect.batch import Batch
from tstats.collect.exposition import Exposition
from tstats.collect.inventory import InventoryFile
from tstats.collect.metrics import CollectorMetrics
from tstats.collect.spool import Spool
from tstats.command import exits
from tstats.core.secret import Secret
from tstats.core.time import DAY, MINUTE
from tstats.core.windows import Window
from tstats.doctor.diagnosis import Diagnosis, Finding, Verdict
from tstats.doctor.display import as_json, lines
from tstats.influx.client import Endpoint, Influx
from tstats.influx.influxql import alter_retention_policy, drop_continuous_query
from tstats.schema.provision import catalog_schema, provision
from tstats.simulator.faults import TRAFFIC_OPS, Fault
from tstats.simulator.server import Simulator
from tstats.simulator.world import World
from tstats.traffic_control.traffic_ops import TrafficOps

WORLD = World.build(cdns=2, caches=4, delivery_services=2, monitors=2)
ADMIN, PASSWORD = "chief", "correct-horse"


@pytest.fixture(scope="module")
def well(influxd: Influxd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A healthy installation, for tests that restore what they break."""
    influx = emptied(influxd)
    with Simulator(WORLD) as simulator:
        yield Installation(tmp_path_factory.mktemp("well"), influx, simulator)
    influx.close()


@pytest.fixture
def installation(well: Installation) -> Iterator[Installation]:
    """The same; its file and its simulator are restored afterwards."""
    before = dict(well.settings)
    with closing(Spool(well.spool, ["any"], max_bytes=1 << 20)):
        yield well
    well.settings = before
    well.configure()
    well.simulator.faults.clear()


@pytest.fixture
def ill(other_influx: Influx, tmp_path: Path) -> Iterator[Installation]:
    """An installation whose InfluxDB a test may damage."""
    with Simulator(WORLD) as simulator:
        yield Installation(tmp_path, other_influx, simulator)


def the(diagnosis: Diagnosis, area: str, check: str) -> Finding:
    """Return the worst finding of a check."""
    order = [Verdict.WRONG, Verdict.WARNING, Verdict.NOT_CHECKED, Verdict.OK]
    found = [
        finding
        for finding in diagnosis.findings
        if (finding.area.partition(" http")[0], finding.check) == (area, check)
    ]
    return min(found, key=lambda finding: order.index(finding.verdict))


def wrong(diagnosis: Diagnosis) -> set[tuple[str, str]]:
    """Return the checks that found something wrong."""
    return set(findings(diagnosis, Verdict.WRONG))


# --- all is well


def test_a_healthy_installation_is_found_healthy(installation: Installation) -> None:
    diagnosis = installation.diagnose()
    assert diagnosis.ok
    assert {finding.verdict for finding in diagnosis.findings} == {Verdict.OK}, list(
        lines(diagnosis, width=110)
    )
    assert [re.sub(" http.*", "", area) for area in diagnosis.areas] == [
        "configuration",
        "collector",
        "Traffic Ops",
        "monitors",
        "InfluxDB",
        "summaries",
        "clocks",
    ]
    assert {check for _, check in findings(diagnosis)} >= {
        "cdn1",
        "cdn2",
        "schema",
        "rollups",
        "SQL schema",
        "days",
    }


def test_it_writes_nothing(installation: Installation) -> None:
    def written() -> tuple[object, ...]:
        stats = {series.name: series.rows()[0] for series in installation.influx.query("SHOW STATS")}
        files = {path: path.lstat().st_mtime_ns for path in installation.folder.rglob("*")}
        return stats["httpd"]["writeReq"], files, installation.simulator.summaries.rows

    before, asked = written(), len(installation.simulator.requests)
    assert installation.diagnose().ok
    assert written() == before
    methods = {
        (request.method, request.path.rpartition("/")[2])
        for request in installation.simulator.requests[asked:]
    }
    assert {path for method, path in methods if method != "GET"} == {"login"}


def test_the_command_prints_one_screen_and_ends_with_0(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        exits.run(app, ["doctor", "--cfg", str(installation.file)])
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert shown.endswith(" 0 warnings, 0 wrong, 0 not checked\n")
    assert len(shown.splitlines()) < 50


def test_the_command_prints_json_and_ends_with_1_if_something_is_wrong(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    installation.configure(pollingIntervall=10)
    with pytest.raises(SystemExit) as ended:
        exits.run(app, ["doctor", "--cfg", str(installation.file), "--output", "json"])
    shown = json.loads(capsys.readouterr().out)
    assert (ended.value.code, shown["ok"], shown["counts"]["wrong"]) == (1, False, 1)


@pytest.mark.parametrize(
    "arguments",
    [[], ["--cfg", "x", "--since", "soon"], ["--cfg", "x", "--timeout", "0"], ["--cfg", "x", "-x"]],
)
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        exits.run(app, ["doctor", *arguments])
    assert ended.value.code == 2
    assert capsys.readouterr().out == ""


# --- the file


def test_an_invalid_file_leaves_the_rest_unchecked(installation: Installation) -> None:
    installation.configure(pollingIntervall=10)
    diagnosis = installation.diagnose()
    assert wrong(diagnosis) == {("configuration", "file")}
    assert "did you mean 'pollingInterval'?" in the(diagnosis, "configuration", "file").text
    assert diagnosis.counts[Verdict.OK] == 0
    assert the(diagnosis, "InfluxDB", "all").verdict is Verdict.NOT_CHECKED


def test_a_password_that_everyone_can_read_is_a_warning(installation: Installation) -> None:
    installation.file.chmod(0o644)
    found = the(installation.diagnose(), "configuration", "secrets")
    assert (found.verdict, found.remedy) == (Verdict.WARNING, f"chmod o= {installation.file}")


def test_no_password_shows_anywhere(installation: Installation) -> None:
    installation.configure(
        toPasswd=PASSWORD,
        influxUrls=[f"http://chief:{PASSWORD}@127.0.0.1:{NOBODY_PORT}"],
        databaseUrl=f"postgresql+psycopg://chief:{PASSWORD}@127.0.0.1:{NOBODY_PORT}/x",
    )
    diagnosis = installation.diagnose()
    assert not diagnosis.ok
    shown = "\n".join(lines(diagnosis, width=200, details=True)) + json.dumps(as_json(diagnosis))
    assert PASSWORD not in shown


def test_go_s_log_configuration_is_ignored_with_a_warning(installation: Installation) -> None:
    installation.configure(seelogConfig="/etc/seelog.xml")
    diagnosis = installation.diagnose()
    assert set(findings(diagnosis, Verdict.WRONG, Verdict.WARNING)) == {("configuration", "log")}


# --- Traffic Ops and the monitors


def test_a_configuration_without_traffic_ops(installation: Installation) -> None:
    installation.configure(toUrl=None, apiAuth="none")
    diagnosis = installation.diagnose()
    assert diagnosis.ok
    assert set(findings(diagnosis, Verdict.NOT_CHECKED)) == {
        ("Traffic Ops", "reachable"),
        ("monitors", "by CDN"),
    }


def test_a_wrong_password_for_traffic_ops(installation: Installation) -> None:
    installation.configure(toPasswd="no")
    diagnosis = installation.diagnose()
    assert wrong(diagnosis) == {("Traffic Ops", "login")}
    assert "toPasswd" in the(diagnosis, "Traffic Ops", "login").remedy
    assert the(diagnosis, "Traffic Ops", "parameters").verdict is Verdict.NOT_CHECKED
    assert the(diagnosis, "monitors", "by CDN").verdict is Verdict.NOT_CHECKED


def test_without_traffic_ops_the_monitors_are_those_of_the_saved_inventory(
    installation: Installation,
) -> None:
    sim = installation.simulator
    session = TrafficOps(sim.traffic_ops_url, user=sim.user, password=Secret(sim.password), timeout=30)
    saved = installation.spool / "inventory.json"
    InventoryFile(saved, sim.traffic_ops_url).save(session.inventory("ONLINE"))
    session.close()
    sim.faults.down(TRAFFIC_OPS)
    try:
        diagnosis = installation.diagnose()
    finally:
        saved.unlink()
    assert wrong(diagnosis) == {("Traffic Ops", "reachable")}
    assert "toUrl" in the(diagnosis, "Traffic Ops", "reachable").remedy
    assert the(diagnosis, "monitors", "cdn1").verdict is Verdict.OK


def test_traffic_ops_fails_after_the_login(installation: Installation) -> None:
    installation.simulator.faults.set(TRAFFIC_OPS, Fault.status(500), path="/servers")
    assert wrong(installation.diagnose()) == {("Traffic Ops", "inventory")}


def test_no_monitor_has_the_status(installation: Installation) -> None:
    installation.configure(statusToMon="REPORTED")
    diagnosis = installation.diagnose()
    assert wrong(diagnosis) == {("Traffic Ops", "inventory")}
    assert "statusToMon" in the(diagnosis, "Traffic Ops", "inventory").remedy


@pytest.mark.parametrize(
    ("world", "verdict", "words"),
    [
        (replace(WORLD, cache_stats=()), Verdict.WRONG, "no parameter CacheStats"),
        (replace(WORLD, ds_stats=("kbps",)), Verdict.WARNING, "need tps_2xx"),
    ],
    ids=["none", "too few"],
)
def test_stats_that_are_not_polled(
    installation: Installation, world: World, verdict: Verdict, words: str
) -> None:
    with Simulator(world) as simulator:
        installation.configure(toUrl=simulator.traffic_ops_url)
        found = the(installation.diagnose(), "Traffic Ops", "parameters")
    assert found.verdict is verdict
    assert words in found.text
    assert "TRAFFIC_STATS" in found.remedy


def test_traffic_ops_without_a_common_api_version(installation: Installation) -> None:
    with Simulator(WORLD, versions=("2.0",)) as simulator:
        installation.configure(toUrl=simulator.traffic_ops_url)
        diagnosis = installation.diagnose()
    assert wrong(diagnosis) == {("Traffic Ops", "login")}
    assert "none of the API versions" in the(diagnosis, "Traffic Ops", "login").text


def test_a_cdn_none_of_whose_monitors_answers(installation: Installation) -> None:
    for monitor in WORLD.cdn("cdn1").monitors:
        installation.simulator.faults.down(monitor.name)
    diagnosis = installation.diagnose()
    assert wrong(diagnosis) == {("monitors", "cdn1")}
    assert "none of 2 monitors answered" in the(diagnosis, "monitors", "cdn1").text


def test_one_monitor_of_two_down_is_a_warning(installation: Installation) -> None:
    installation.simulator.faults.set("cdn2-monitor-1", Fault.status(503))
    diagnosis = installation.diagnose()
    assert diagnosis.ok
    found = the(diagnosis, "monitors", "cdn2")
    assert found.verdict is Verdict.WARNING
    assert "1 of 2 monitors answered" in found.text


def test_monitors_with_old_values(installation: Installation) -> None:
    with Simulator(WORLD, clock=lambda: time.time() - 3600) as simulator:
        installation.configure(toUrl=simulator.traffic_ops_url)
        diagnosis = installation.diagnose()
    assert {("monitors", "cdn1"), ("monitors", "cdn2")} == wrong(diagnosis)
    assert "60 min old" in the(diagnosis, "monitors", "cdn1").text


# --- InfluxDB


def test_one_influxdb_is_down_and_another_is_not(installation: Installation) -> None:
    installation.configure(influxUrls=[NOBODY, installation.influx.url, "udp://127.0.0.1:8089"])
    diagnosis = installation.diagnose()
    by_server = {(finding.area, finding.check): finding.verdict for finding in diagnosis.findings}
    assert wrong(diagnosis) == {("InfluxDB", "version")}
    assert by_server[f"InfluxDB {NOBODY}", "rollups"] is Verdict.NOT_CHECKED
    assert by_server[f"InfluxDB {installation.influx.url}", "rollups"] is Verdict.OK
    assert by_server["InfluxDB", "influxUrls[2]"] is Verdict.NOT_CHECKED
    assert by_server["summaries", "days"] is Verdict.OK


def test_an_unsupported_version_of_influxdb(installation: Installation) -> None:
    with StandIn(lambda _: Reply(status=204, headers={"X-Influxdb-Version": "v2.7.1"})) as server:
        installation.configure(influxUrls=[server.url])
        diagnosis = installation.diagnose()
    assert "works with InfluxDB 1.x" in the(diagnosis, "InfluxDB", "version").text


@pytest.mark.parametrize("url", ["ftp://x", "http://"])
def test_an_invalid_url_of_an_influxdb(installation: Installation, url: str) -> None:
    installation.configure(influxUrls=[url, installation.influx.url])
    found = the(installation.diagnose(), "InfluxDB", "influxUrls[0]")
    assert (found.verdict, found.remedy) == (Verdict.WRONG, "fix influxUrls")


def test_a_schema_that_differs_is_named_with_the_command(ill: Installation) -> None:
    ill.influx.query(drop_continuous_query(catalog.CACHE_STATS, "maxKbps_1min"))
    ill.influx.query(alter_retention_policy(catalog.DELIVERYSERVICE_STATS, catalog.MONTHLY, keep=60 * DAY))
    found = the(ill.diagnose(), "InfluxDB", "schema")
    assert found.verdict is Verdict.WRONG
    assert "create continuous query cache_stats.maxKbps_1min" in found.text
    assert "duration 1440h → 720h" in found.text
    assert found.remedy.startswith(f"create_ts_databases --url {ill.influx.url} --replication 1; ")
    assert "--allow-data-loss" in found.remedy


def test_continuous_queries_while_tstats_computes_the_rollups(installation: Installation) -> None:
    installation.configure(rollupMode="tstats")
    found = the(installation.diagnose(), "InfluxDB", "schema")
    assert (found.verdict, found.text) == (
        Verdict.WARNING,
        "18 continuous queries and tstats do the same work",
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [("dialy", "cache_stats has no policy 'dialy'"), ("monthly", "but everything reads daily")],
)
def test_points_that_go_to_the_wrong_policy(installation: Installation, given: str, words: str) -> None:
    installation.configure(cacheRetentionPolicy=given)
    found = the(installation.diagnose(), "InfluxDB", "policies")
    assert found.verdict is Verdict.WRONG
    assert words in found.text
    assert found.remedy == 'set cacheRetentionPolicy to "daily"'


def test_an_influxdb_without_databases(ill: Installation) -> None:
    for database in catalog.DATABASES:
        ill.influx.query(f"DROP DATABASE {database.name}")
    diagnosis = ill.diagnose()
    assert the(diagnosis, "InfluxDB", "schema").text.startswith("28 changes needed: create database")
    assert {("InfluxDB", "schema"), ("InfluxDB", "rollups"), ("summaries", "days")} == wrong(diagnosis)
    assert the(diagnosis, "InfluxDB", "newest points").verdict is Verdict.NOT_CHECKED


def test_an_influxdb_that_gets_no_points(ill: Installation) -> None:
    ill.influx.query(
        "DROP SERIES FROM kbps, tps_2xx, tps_3xx, tps_4xx, tps_5xx, tps_total",
        database="deliveryservice_stats",
    )
    found = findings(ill.diagnose(), Verdict.WRONG)
    assert set(found) == {("InfluxDB", "newest points")}
    (finding,) = found.values()
    assert finding.text == "deliveryservice_stats has no points in the last 26 h"
    assert "check that tstats collect is running" in finding.remedy


def test_no_new_points_for_an_hour(installation: Installation) -> None:
    found = the(installation.diagnose(ahead=3600), "InfluxDB", "newest points")
    assert found.verdict is Verdict.WRONG
    assert re.search(r"the newest point is 6\d min old", found.text)


def test_one_of_two_servers_without_points_is_a_warning_if_each_batch_goes_to_any_of_them(
    installation: Installation, other_influx: Influx
) -> None:
    wanted = catalog_schema(catalog.DATABASES, replication=1)
    assert provision(other_influx, wanted, allow_data_loss=False, apply=True).in_sync
    installation.configure(influxUrls=[installation.influx.url, other_influx.url])
    found = [
        finding
        for finding in installation.diagnose().findings
        if finding.area == f"InfluxDB {other_influx.url}" and finding.check == "newest points"
    ]
    assert [finding.verdict for finding in found] == [Verdict.WARNING, Verdict.WARNING]
    assert "sync_ts_databases" in found[0].remedy


def test_minutes_that_are_not_rolled_up(ill: Installation) -> None:
    ill.influx.query('DROP SERIES FROM "bandwidth.1min"', database=catalog.CACHE_STATS)
    diagnosis = ill.diagnose()
    found = the(diagnosis, "InfluxDB", "newest points")
    assert found.verdict is Verdict.WRONG
    assert found.text == "cache_stats: points arrive, but the last minutes are missing in bandwidth.1min"
    assert "tstats rollup repair" in found.remedy


def test_a_gap_in_the_rollups(ill: Installation) -> None:
    start = (time.time_ns() - HOUR) // MINUTE * MINUTE
    write(ill.influx, raw_points(Window(start=start, end=start + 5 * MINUTE), only="bandwidth"))
    diagnosis = ill.diagnose()
    assert wrong(diagnosis) == {("InfluxDB", "rollups")}
    found = the(diagnosis, "InfluxDB", "rollups")
    assert found.text.startswith("3 rollups with missing or stale values in ")
    assert found.remedy.startswith("tstats rollup repair")
    assert the(ill.diagnose(since=20 * MINUTE), "InfluxDB", "rollups").verdict is Verdict.OK


@pytest.fixture(scope="module")
def sick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    """An influxd that requires passwords, runs no continuous queries, deletes nothing, and is nearly full."""
    settings = {
        "INFLUXDB_HTTP_AUTH_ENABLED": "true",
        "INFLUXDB_CONTINUOUS_QUERIES_ENABLED": "false",
        "INFLUXDB_RETENTION_ENABLED": "false",
        "INFLUXDB_DATA_MAX_SERIES_PER_DATABASE": "50",
    }
    with Influxd(tmp_path_factory.mktemp("sick"), settings=settings) as server:
        first = Influx(Endpoint(url=server.url))
        first.query(f"CREATE USER {ADMIN} WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES")
        first.close()
        admin = Influx(Endpoint(url=server.url, user=ADMIN, password=Secret(PASSWORD)))
        admin.query(f"CREATE USER reader WITH PASSWORD '{PASSWORD}'")
        for database in catalog.DATABASES:
            admin.query(f"CREATE DATABASE {database.name}")
        admin.write("\n".join(f"x,n={n} value=1" for n in range(49)).encode(), database=catalog.CACHE_STATS)
        admin.close()
        yield server


def test_a_wrong_password_for_influxdb(installation: Installation, sick: Influxd) -> None:
    installation.configure(influxUrls=[sick.url], influxUser=ADMIN, influxPassword="no")
    diagnosis = installation.diagnose()
    found = the(diagnosis, "InfluxDB", "login")
    assert found.verdict is Verdict.WRONG
    assert "influxPassword" in found.remedy
    assert the(diagnosis, "InfluxDB", "schema").verdict is Verdict.NOT_CHECKED


def test_what_only_administrators_may_see_is_not_checked(installation: Installation, sick: Influxd) -> None:
    installation.configure(influxUrls=[sick.url], influxUser="reader", influxPassword=PASSWORD)
    diagnosis = installation.diagnose()
    assert the(diagnosis, "InfluxDB", "login").verdict is Verdict.OK
    for check in ("schema", "policies", "health", "newest points"):
        assert the(diagnosis, "InfluxDB", check).verdict is Verdict.NOT_CHECKED, check


def test_an_influxdb_that_is_nearly_full_and_runs_no_continuous_queries(
    installation: Installation, sick: Influxd
) -> None:
    installation.configure(influxUrls=[sick.url], influxUser=ADMIN, influxPassword=PASSWORD)
    diagnosis = installation.diagnose()
    found = the(diagnosis, "InfluxDB", "health")
    assert found.verdict is Verdict.WRONG
    for words in (
        "continuous queries are disabled",
        "retention is disabled",
        "49 of at most 50 series",
    ):
        assert words in found.text
    for words in ("[continuous_queries]", "[retention]", "max-series-per-database"):
        assert words in found.remedy
    assert the(diagnosis, "InfluxDB", "schema").remedy.endswith(f"--url {sick.url} --user USER")


# --- the summaries


def test_a_database_that_was_never_set_up(installation: Installation, tmp_path: Path) -> None:
    installation.configure(databaseUrl=f"sqlite:///{tmp_path / 'none.db'}")
    diagnosis = installation.diagnose()
    assert wrong(diagnosis) == {("summaries", "SQL schema")}
    assert the(diagnosis, "summaries", "SQL schema").remedy == "tstats db upgrade"
    assert the(diagnosis, "summaries", "days").verdict is Verdict.NOT_CHECKED
    assert not list(tmp_path.iterdir())


def test_a_database_that_does_not_answer(installation: Installation) -> None:
    installation.configure(databaseUrl=f"postgresql+psycopg://x@127.0.0.1:{NOBODY_PORT}/x")
    diagnosis = installation.diagnose()
    assert wrong(diagnosis) == {("summaries", "SQL schema")}
    assert "check that PostgreSQL is running" in the(diagnosis, "summaries", "SQL schema").remedy


def test_an_invalid_url_of_the_database(installation: Installation) -> None:
    installation.configure(databaseUrl="mysql://localhost/x")
    diagnosis = installation.diagnose()
    assert wrong(diagnosis) == {("summaries", "SQL schema")}
    assert the(diagnosis, "summaries", "SQL schema").remedy == "fix databaseUrl"
    assert the(diagnosis, "summaries", "days").verdict is Verdict.NOT_CHECKED


def test_an_installation_without_an_influxdb_that_can_be_read(installation: Installation) -> None:
    installation.configure(influxUrls=["udp://127.0.0.1:8089"])
    diagnosis = installation.diagnose()
    assert wrong(diagnosis) == {("summaries", "days")}
    assert the(diagnosis, "summaries", "days").remedy == "fix influxUrls"


def test_a_postgresql_whose_days_are_missing(
    installation: Installation, postgres: Postgres, postgres_database: str
) -> None:
    url = postgres.url(postgres_database)
    migrated(url)
    installation.configure(databaseUrl=url)
    diagnosis = installation.diagnose()
    assert wrong(diagnosis) == {("summaries", "days")}
    assert the(diagnosis, "summaries", "SQL schema").verdict is Verdict.OK
    assert re.search(r"2 summaries missing: \d{4}-\d\d-\d\d cdn1", the(diagnosis, "summaries", "days").text)
    assert sql_rows(url) == {}


def test_a_summary_that_its_points_no_longer_give_is_a_warning(installation: Installation) -> None:
    with sqlite3.connect(installation.folder / "tstats.db") as connection:
        connection.execute("UPDATE stats_summary SET stat_value = stat_value + 1")
    connection.close()
    try:
        found = the(installation.diagnose(), "summaries", "days")
    finally:
        with sqlite3.connect(installation.folder / "tstats.db") as connection:
            connection.execute("UPDATE stats_summary SET stat_value = stat_value - 1")
        connection.close()
    assert found.verdict is Verdict.WARNING
    assert "2 summaries out of date" in found.text


# --- the collector


def test_no_collector_is_running(well: Installation) -> None:
    found = the(well.diagnose(), "collector", "spool")
    assert found.verdict is Verdict.WARNING
    assert "no tstats collect on this machine uses" in found.text


def batch(size: int = 1) -> Batch:
    # Random digits, so that the compression of the spool does not make it small.
    lines = "\n".join(f"x value={hash(str(number))} 1" for number in range(size)).encode()
    return Batch(database="cache_stats", policy="daily", precision="ms", points=size, lines=lines)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with closing(Spool(tmp_path / "spool", ["any"], max_bytes=1 << 20)) as made:
        yield made


def test_batches_that_have_waited_for_long(installation: Installation, spool: Spool) -> None:
    spool.put([batch()])
    installation.configure(spoolDirectory=str(spool.directory), databaseUrl=installation.database_url)
    found = the(installation.diagnose(ahead=0), "collector", "spool")
    assert found.verdict is Verdict.OK
    assert found.text.startswith("1 batch (")
    installation.configure(publishingInterval=1)
    (waiting,) = spool.directory.glob("queue/*/*")
    os.utime(waiting, (time.time() - 900, time.time() - 900))
    found = the(installation.diagnose(), "collector", "spool")
    assert found.verdict is Verdict.WRONG
    assert "the oldest for 15 min (target any)" in found.text


def test_a_spool_that_is_nearly_full(installation: Installation, spool: Spool) -> None:
    while spool.bytes < 0.85 * (1 << 20):
        spool.put([batch(4_000)])
    installation.configure(spoolDirectory=str(spool.directory), databaseUrl=installation.database_url)
    found = the(installation.diagnose(), "collector", "spool")
    assert found.verdict in (Verdict.WARNING, Verdict.WRONG)
    assert "when it is full, the oldest batches are deleted" in found.text
    assert "spoolMaxBytes" in found.remedy


def test_a_write_that_was_permanently_refused(installation: Installation, spool: Spool) -> None:
    spool.put([batch()])
    spool.reject("any", spool.waiting("any", 1)[0], "field type conflict")
    installation.configure(spoolDirectory=str(spool.directory), databaseUrl=installation.database_url)
    found = the(installation.diagnose(), "collector", "spool")
    assert found.verdict is Verdict.WARNING
    assert found.text == "1 write permanently refused; the last: field type conflict"


def test_a_spool_directory_that_is_a_file(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    installation.configure(spoolDirectory=str(tmp_path / "file"), databaseUrl=installation.database_url)
    found = the(installation.diagnose(), "collector", "spool")
    assert (found.verdict, found.text) == (Verdict.WRONG, f"this user cannot write to {tmp_path / 'file'}")


@pytest.mark.parametrize(
    ("problems", "verdict", "words"),
    [
        ([], Verdict.OK, "all is well"),
        (["cdn1 CacheStats: no good poll yet"], Verdict.WRONG, "reports: cdn1 CacheStats: no good poll yet"),
        (["x" * 400], Verdict.WRONG, "several problems"),
    ],
    ids=["well", "one", "many"],
)
def test_what_the_collector_reports(
    installation: Installation, problems: list[str], verdict: Verdict, words: str
) -> None:
    exposition = Exposition("127.0.0.1", 0, registry=CollectorMetrics().registry, problems=lambda: problems)
    installation.configure(metricsBind=exposition.url.removeprefix("http://"))
    try:
        found = the(installation.diagnose(), "collector", "healthz")
    finally:
        exposition.close()
    assert found.verdict is verdict
    assert words in found.text


def test_a_collector_that_does_not_answer(installation: Installation) -> None:
    installation.configure(metricsBind=f"127.0.0.1:{NOBODY_PORT}")
    found = the(installation.diagnose(), "collector", "healthz")
    assert found.verdict is Verdict.WRONG
    assert found.remedy.startswith("start tstats collect")


# --- the clocks


@pytest.mark.parametrize(
    ("ahead", "verdict", "words"),
    [
        (600.0, Verdict.WRONG, "all 6 servers agree and are 10 min behind this machine"),
        (-600.0, Verdict.WRONG, "10 min ahead of this machine"),
        (30.0, Verdict.WARNING, "behind this machine"),
    ],
)
def test_a_wrong_clock_of_this_machine(
    installation: Installation, ahead: float, verdict: Verdict, words: str
) -> None:
    found = the(installation.diagnose(ahead=ahead), "clocks", "offset")
    assert found.verdict is verdict
    assert words in found.text
    assert "this machine's clock" in found.remedy
