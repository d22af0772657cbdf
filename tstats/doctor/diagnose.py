"""Examines an installation: what is right and wrong, each with its remedy. It only reads."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import msgspec

from tstats import connections
from tstats.collect.inventory import InventoryFile
from tstats.config.settings import Settings
from tstats.doctor.checks import influx as doctor_influx
from tstats.doctor.checks import spool as doctor_spool
from tstats.doctor.checks import summaries as doctor_summaries
from tstats.doctor.checks.clocks import Servers, clocks_check
from tstats.doctor.checks.configuration import configuration
from tstats.doctor.checks.monitors import monitors_check
from tstats.doctor.checks.traffic_ops import TrafficOpsChecks, verification
from tstats.doctor.diagnosis import Diagnosis, Finding, Verdict
from tstats.doctor.examine import Check, examine
from tstats.doctor.subject import Subject
from tstats.errors import ConfigError
from tstats.influx.client import Influx
from tstats.traffic_control.inventory import Inventory

_SHARE = 0.8  # of a check's time, for one answer
_INVENTORY = "inventory.json"  # where the collector keeps it, in its spool
_NEEDS_FILE = "it needs a configuration that can be used"


def diagnose(
    path: Path,
    *,
    seconds: float,
    since: int,
    clock: Callable[[], float] = time.time,
    environment: Mapping[str, str] | None = None,
) -> Diagnosis:
    """Look at everything that a configuration names.

    Never raises for what it finds: each failure is a finding. It writes nothing anywhere; a session of
    Traffic Ops and connections to the servers is all that it makes.

    Args:
        path: the configuration.
        seconds: for each check.
        since: how far back the rollups are looked at, in ns.
        clock: seconds since the epoch.
        environment: in place of the process's.
    """
    settings, findings = configuration(path, os.environ if environment is None else environment)
    if settings is None:
        left = ("collector", "Traffic Ops", "monitors", "InfluxDB", "summaries", "clocks")
        skipped = [
            Finding(area=area, check="all", verdict=Verdict.NOT_CHECKED, text=_NEEDS_FILE) for area in left
        ]
        return Diagnosis(findings=(*findings, *skipped))
    with ExitStack() as stack:
        checks = _checks(
            _patient(settings, seconds * _SHARE), stack, seconds=seconds, since=since, clock=clock
        )
        findings += examine(checks, seconds=seconds)
    return Diagnosis(findings=tuple(findings))


def _patient(settings: Settings, seconds: float) -> Settings:
    """The settings with such time-outs that a server that is silent is named by its own error."""
    most = max(1, int(seconds))
    return msgspec.structs.replace(
        settings,
        influx_timeout=min(settings.influx_timeout, most),
        to_request_timeout=min(settings.to_request_timeout, most),
    )


def _checks(
    settings: Settings, stack: ExitStack, *, seconds: float, since: int, clock: Callable[[], float]
) -> list[Check]:
    session = connections.traffic_ops(settings)
    stack.callback(session.close)
    subject = TrafficOpsChecks(settings=settings, session=session, seconds=settings.to_request_timeout)
    traffic_ops = subject.checks() if settings.to_url else [_without_traffic_ops()]
    login, inventory = (
        (traffic_ops[1], traffic_ops[2]) if settings.to_url else (traffic_ops[0], traffic_ops[0])
    )

    def known_inventory() -> Inventory | None:
        """What Traffic Ops told, or else what the collector has kept of it and goes on with."""
        kept = InventoryFile(Path(settings.spool_directory) / _INVENTORY, settings.to_url).load()
        return subject.inventory or (kept[0] if kept else None)

    monitors = monitors_check(settings, known_inventory, after=inventory, seconds=seconds, clock=clock)
    influxes, influx_checks = _influxes(settings, stack, since=since, clock=clock)

    def servers() -> Servers:
        known: dict[str, bool | str] = {session.url: verification(settings)} if settings.to_url else {}
        for influx in influxes:
            ca_cert = settings.influx_ca_cert or True
            known[f"{influx.url}/ping"] = not settings.influx_insecure and ca_cert
        if inventory_now := known_inventory():
            known |= {url: True for urls in inventory_now.monitors.values() for url in urls}
        return known

    logins = [check for check in influx_checks if check.name == "login"]
    return [
        *doctor_spool.checks(settings, seconds=seconds * _SHARE),
        *traffic_ops,
        monitors,
        *influx_checks,
        *doctor_summaries.checks(settings, logins=logins, traffic_ops=login, clock=clock),
        clocks_check(servers, after=[inventory], seconds=seconds, clock=clock),
    ]


def _without_traffic_ops() -> Check:
    def look() -> Iterator[Finding]:
        yield check.finding(Verdict.NOT_CHECKED, "the configuration has no toUrl: nothing is collected by it")

    check = Check(area="Traffic Ops", name="reachable", look=look, remedy="set toUrl")
    return check


def _influxes(
    settings: Settings, stack: ExitStack, *, since: int, clock: Callable[[], float]
) -> tuple[list[Influx], list[Check]]:
    influxes, checks = [], []
    for number, url in enumerate(dict.fromkeys(settings.influx_urls)):
        try:
            if url.startswith("udp://"):
                checks.append(_not_asked(number, "a UDP listener answers nothing"))
                continue
            influx = connections.influx(settings, url)
        except ConfigError as error:
            checks.append(_not_asked(number, str(error), Verdict.WRONG, "mend influxUrls"))
            continue
        stack.callback(influx.close)
        influxes.append(influx)
        checks += doctor_influx.checks(Subject(settings=settings, influx=influx, since=since, clock=clock))
    return influxes, checks


def _not_asked(number: int, text: str, verdict: Verdict = Verdict.NOT_CHECKED, remedy: str = "") -> Check:
    def look() -> Iterator[Finding]:
        yield check.finding(verdict, text, remedy)

    check = Check(area="InfluxDB", name=f"influxUrls[{number}]", look=look, remedy=remedy)
    return check
