"""Examine an installation: what is right and what is wrong, with a remedy for each fault. It only reads."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import msgspec
import structlog

from tstats import catalog, connections
from tstats.collect.inventory import InventoryFile
from tstats.config import loading as config
from tstats.config.settings import Settings
from tstats.core.time import SECOND
from tstats.db.database import Database
from tstats.doctor.checks.clocks import ClocksCheck
from tstats.doctor.checks.configuration import (
    ConfigurationFileCheck,
    IgnoredLogConfigCheck,
    SecretsCheck,
    TransportCheck,
)
from tstats.doctor.checks.health import HealthCheck
from tstats.doctor.checks.influx import ExaminedInflux, InfluxLoginCheck, InfluxVersionCheck, WrittenPolicy
from tstats.doctor.checks.monitors import MonitorsCheck
from tstats.doctor.checks.points import NewestPointsCheck, RollupsCheck
from tstats.doctor.checks.schema import PoliciesCheck, SchemaCheck
from tstats.doctor.checks.spool import HealthzCheck, SpoolCheck
from tstats.doctor.checks.summaries import DaysCheck, SqlSchemaCheck
from tstats.doctor.checks.traffic_ops import (
    ExaminedTrafficOps,
    InventoryCheck,
    ParametersCheck,
    TrafficOpsLoginCheck,
    TrafficOpsReachableCheck,
)
from tstats.doctor.diagnosis import Diagnosis
from tstats.doctor.examine import Check, ImpossibleCheck, NotCheckedError, examine
from tstats.errors import ConfigError
from tstats.influx.client import Influx
from tstats.summaries.build import build_summarizer

_SHARE = 0.8  # of a check's time limit, for one answer
_INVENTORY = "inventory.json"  # where the collector saves it, in its spool
_OTHER_AREAS = ("collector", "Traffic Ops", "monitors", "InfluxDB", "summaries", "clocks")

Clock = Callable[[], int]
"""Returns ns since the epoch."""


def diagnose(
    path: Path,
    *,
    seconds: float,
    since: int,
    clock: Clock = time.time_ns,
    environment: Mapping[str, str] | None = None,
) -> Diagnosis:
    """Look at everything that a configuration names.

    It raises nothing for what it finds: every failure is a finding. It writes nothing anywhere: all it makes
    is a session with Traffic Ops and connections to the servers.

    Args:
        path: the configuration.
        seconds: the time limit of each check.
        since: how far back to look at the rollups, in ns.
        clock: returns ns since the epoch.
        environment: instead of that of the process.
    """
    variables = os.environ if environment is None else environment
    with ExitStack() as stack:
        try:
            settings = config.load(path, variables)
        except ConfigError as error:
            checks = _without_configuration(error)
        else:
            checks = _configuration_checks(path, settings, variables)
            settings = _impatient(settings, seconds * _SHARE)
            checks += _other_checks(settings, stack, seconds=seconds, since=since, clock=clock)
        return Diagnosis(findings=tuple(examine(checks, seconds=seconds)))


def _without_configuration(error: ConfigError) -> list[Check]:
    remedy = "fix the key it names; for a file from Go's traffic_stats, tstats migrate-config says more"
    reason = NotCheckedError("it needs a valid configuration")
    return [
        ImpossibleCheck(area="configuration", name="file", remedy=remedy, error=error),
        *(ImpossibleCheck(area=area, name="all", remedy=remedy, error=reason) for area in _OTHER_AREAS),
    ]


def _impatient(settings: Settings, seconds: float) -> Settings:
    """Return the settings with time-outs so short that a silent server is named by its own error."""
    most = max(1, int(seconds))
    return msgspec.structs.replace(
        settings,
        influx_timeout=min(settings.influx_timeout, most),
        to_request_timeout=min(settings.to_request_timeout, most),
    )


def _configuration_checks(path: Path, settings: Settings, environment: Mapping[str, str]) -> list[Check]:
    variables = sorted(name for name in environment if name.startswith("TSTATS_") and name != "TSTATS_CFG")
    passwords = {
        "toPasswd": settings.to_passwd and not settings.to_passwd_file,
        "influxPassword": settings.influx_password and not settings.influx_password_file,
        "databaseUrl": settings.database_url,
    }
    keys = [
        key for key, given in passwords.items() if given and config.environment_name(key) not in environment
    ]
    files = [file for file in (settings.to_passwd_file, settings.influx_password_file) if file]
    checks: list[Check] = [ConfigurationFileCheck(path=path, variables=variables)]
    if settings.seelog_config is not None:
        checks.append(IgnoredLogConfigCheck())
    checks.append(SecretsCheck(path=path, keys=keys, files=files))
    if settings.influx_user:
        checks.append(TransportCheck(urls=settings.influx_urls, insecure=settings.influx_insecure))
    return checks


def _other_checks(
    settings: Settings, stack: ExitStack, *, seconds: float, since: int, clock: Clock
) -> list[Check]:
    session = connections.traffic_ops(settings)
    stack.callback(session.close)
    examined = ExaminedTrafficOps(
        session=session,
        verify=not settings.to_insecure and (settings.to_ca_cert or True),
        seconds=settings.to_request_timeout,
        saved=InventoryFile(Path(settings.spool_directory) / _INVENTORY, settings.to_url),
    )
    traffic_ops = _traffic_ops_checks(settings, examined)
    inventories = [check for check in traffic_ops if isinstance(check, InventoryCheck)]
    influx = _influx_checks(settings, stack, since=since, clock=clock)
    logins = [check for check in influx if isinstance(check, InfluxLoginCheck)]
    servers = {session.url: examined.verify} if settings.to_url else {}
    servers |= {f"{login.examined.influx.url}/ping": login.examined.verify for login in logins}
    return [
        *_collector_checks(settings, logins, seconds=seconds * _SHARE),
        *traffic_ops,
        MonitorsCheck(
            known_inventory=examined.known_inventory,
            polling_interval=settings.polling_interval * SECOND,
            seconds=seconds,
            clock=clock,
            after=inventories,
        ),
        *influx,
        *_summaries_checks(settings, stack, traffic_ops, logins, clock=clock),
        ClocksCheck(
            servers=servers,
            known_inventory=examined.known_inventory,
            seconds=seconds,
            clock=clock,
            after=inventories,
        ),
    ]


def _collector_checks(
    settings: Settings, influx: Sequence[InfluxLoginCheck], *, seconds: float
) -> list[Check]:
    checks: list[Check] = []
    if settings.metrics_bind:
        host, port = config.bind_address(settings.metrics_bind, "metricsBind")
        checks.append(HealthzCheck(host=host, port=port, seconds=seconds))
    urls = [check.examined.influx.url for check in influx]
    urls += [url for url in dict.fromkeys(settings.influx_urls) if url.startswith("udp://")]
    spool = SpoolCheck(
        directory=Path(settings.spool_directory),
        targets=["any"] if settings.influx_write_mode == "any" else urls,
        most_bytes=settings.spool_max_bytes,
        publishing_interval=settings.publishing_interval * SECOND,
        has_healthz=bool(settings.metrics_bind),
    )
    return [*checks, spool]


def _traffic_ops_checks(settings: Settings, examined: ExaminedTrafficOps) -> list[Check]:
    if not settings.to_url:
        reason = NotCheckedError("the configuration has no toUrl, so nothing is collected with it")
        return [ImpossibleCheck(area="Traffic Ops", name="reachable", remedy="set toUrl", error=reason)]
    reachable = TrafficOpsReachableCheck(examined=examined)
    login = TrafficOpsLoginCheck(examined=examined, user=settings.to_user, needs=[reachable])
    inventory = InventoryCheck(examined=examined, status=settings.status_to_mon, needs=[login])
    return [reachable, login, inventory, ParametersCheck(examined=examined, needs=[inventory])]


def _influx_checks(settings: Settings, stack: ExitStack, *, since: int, clock: Clock) -> list[Check]:
    checks: list[Check] = []
    for number, url in enumerate(dict.fromkeys(settings.influx_urls)):
        impossible = partial(
            ImpossibleCheck, area="InfluxDB", name=f"influxUrls[{number}]", remedy="fix influxUrls"
        )
        if url.startswith("udp://"):
            checks.append(impossible(error=NotCheckedError("a UDP listener does not answer")))
            continue
        try:
            influx = connections.influx(settings, url)
        except ConfigError as error:
            checks.append(impossible(error=error))
            continue
        stack.callback(influx.close)
        checks += _checks_of_influx(settings, influx, since=since, clock=clock)
    return checks


def _checks_of_influx(settings: Settings, influx: Influx, *, since: int, clock: Clock) -> list[Check]:
    area = f"InfluxDB {influx.url}"
    examined = ExaminedInflux(
        influx=influx,
        continuous_queries=settings.rollup_mode == "influxdb",
        policies=_written_policies(settings),
        clock=clock,
    )
    version = InfluxVersionCheck(area=area, examined=examined)
    login = InfluxLoginCheck(area=area, examined=examined, needs=[version])
    newest_points = NewestPointsCheck(
        area=area,
        examined=examined,
        round_length=(settings.polling_interval + settings.publishing_interval) * SECOND,
        one_of_several=settings.influx_write_mode == "any" and len(set(settings.influx_urls)) > 1,
        needs=[login],
    )
    return [
        version,
        login,
        SchemaCheck(area=area, examined=examined, needs=[login]),
        PoliciesCheck(area=area, examined=examined, needs=[login]),
        HealthCheck(area=area, examined=examined, needs=[login]),
        newest_points,
        RollupsCheck(area=area, examined=examined, since=since, needs=[login]),
    ]


def _written_policies(settings: Settings) -> tuple[WrittenPolicy, ...]:
    return (
        WrittenPolicy(
            key="cacheRetentionPolicy",
            database=catalog.CACHE_STATS,
            expected=catalog.DAILY,
            configured=settings.cache_retention_policy,
        ),
        WrittenPolicy(
            key="dsRetentionPolicy",
            database=catalog.DELIVERYSERVICE_STATS,
            expected=catalog.DAILY,
            configured=settings.ds_retention_policy,
        ),
        WrittenPolicy(
            key="dailySummaryRetentionPolicy",
            database=catalog.DAILY_STATS,
            expected=catalog.INDEFINITE,
            configured=settings.daily_summary_retention_policy,
            collected=False,
        ),
    )


def _summaries_checks(
    settings: Settings,
    stack: ExitStack,
    traffic_ops: Sequence[Check],
    influx: Sequence[Check],
    *,
    clock: Clock,
) -> list[Check]:
    checks: list[Check] = []
    try:
        if settings.summary_sink in ("database", "both"):
            checks.append(SqlSchemaCheck(database=Database(settings.summary_database)))
    except ConfigError as error:
        checks.append(
            ImpossibleCheck(area="summaries", name="SQL schema", remedy="fix databaseUrl", error=error)
        )
    needs = list(checks)
    if settings.summary_sink in ("trafficOps", "both"):
        needs += [check for check in traffic_ops if isinstance(check, TrafficOpsLoginCheck)]
    try:
        summarizer = build_summarizer(settings, log=structlog.get_logger())
    except ConfigError as error:
        checks.append(
            ImpossibleCheck(
                area="summaries", name="days", remedy="fix influxUrls", needs=needs, after=influx, error=error
            )
        )
    else:
        stack.callback(summarizer.close)
        checks.append(DaysCheck(summarizer=summarizer, clock=clock, needs=needs, after=influx))
    return checks
