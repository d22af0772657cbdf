"""The checks of the collector's own: whether it runs and is content, and what waits in its spool."""

import json
from collections.abc import Iterator
from pathlib import Path

import requests

from tstats.collect.spool_survey import SpoolSurvey, survey
from tstats.config.loading import bind_address
from tstats.config.settings import Settings
from tstats.doctor.diagnosis import Finding, Verdict, age, counted, graded, shown, size
from tstats.doctor.examine import Check
from tstats.errors import RefusedError, UnreachableError
from tstats.influx.client import Endpoint
from tstats.transport.http import fetch

_AREA = "collector"
_SHARE_WARNING, _SHARE_WRONG = 0.8, 0.95
_SHORTEST_WAIT = 120.0  # seconds
_LEAST_FREE = 64 << 20
_MOST_BYTES = 1 << 20
_START = "start tstats collect; its log says why it ended"
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (asked there, not bound)


def checks(settings: Settings, *, seconds: float) -> list[Check]:
    """Its health, where `metricsBind` has it told, and its spool."""
    found = []
    if settings.metrics_bind:
        healthy = Check(
            area=_AREA, name="healthz", look=lambda: _health(settings, healthy, seconds), remedy=_START
        )
        found.append(healthy)
    remedy = "look with the user that tstats collect runs as"
    spool = Check(area=_AREA, name="spool", look=lambda: _spool(settings, spool), remedy=remedy)
    return [*found, spool]


def _health(settings: Settings, check: Check, seconds: float) -> Iterator[Finding]:
    host, port = bind_address(settings.metrics_bind, "metricsBind")
    host = _ANYWHERE.get(host, host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/healthz"
    with requests.Session() as session:
        try:
            fetch(session, "GET", url, seconds=seconds, most_bytes=_MOST_BYTES)
        except RefusedError as error:
            yield check.finding(
                Verdict.WRONG, str(error), "another program listens there: change metricsBind"
            )
            return
        except UnreachableError as error:
            problems = _problems(str(error))
            if problems is None:
                yield check.finding(Verdict.WRONG, str(error), _START)
            else:
                text = f"tstats collect runs, and says: {shown(problems)}"
                yield check.finding(Verdict.WRONG, text, "the checks below say what to do about it", problems)
            return
    yield check.finding(Verdict.OK, f"tstats collect says at {url} that all is well")


def _problems(error: str) -> list[str] | None:
    """What /healthz told with its 503; None where it was no such answer."""
    start = error.find("{")
    try:
        told = json.loads(error[start:]) if start >= 0 else None
    except ValueError:  # cut off, since only the beginning of an error is shown
        return ["several things are wrong: /healthz has them all"] if '"healthy": false' in error else None
    return [str(problem) for problem in told.get("problems", [])] if isinstance(told, dict) else None


def _spool(settings: Settings, check: Check) -> Iterator[Finding]:
    directory = Path(settings.spool_directory)
    targets = (
        ["any"]
        if settings.influx_write_mode == "any"
        else [_target(url) for url in dict.fromkeys(settings.influx_urls)]
    )
    found = survey(directory, targets)
    yield from _room(settings, check, found)
    if not found.exists:
        return
    yield from _waiting(settings, check, found)
    if found.in_use is False and not settings.metrics_bind:
        text = f"no tstats collect on this machine uses {directory}"
        yield check.finding(Verdict.WARNING, text, f"{_START}, unless it runs elsewhere")
    if found.rejected:
        text = f"{counted(found.rejected, 'write')} refused for good; the last: {found.newest_reason[:200]}"
        remedy = f"mend the cause, send what is in {directory / 'rejected'} again or delete it"
        yield check.finding(Verdict.WARNING, text, remedy)


def _target(url: str) -> str:
    return url if url.startswith("udp://") else Endpoint.parse(url).url


def _room(settings: Settings, check: Check, found: SpoolSurvey) -> Iterator[Finding]:
    """Whether the next batch would be taken."""
    directory = settings.spool_directory
    if not found.writable:
        text = f"this user cannot write to {directory}"
        remedy = "give the user of tstats collect the right, or look as that user"
        yield check.finding(Verdict.WRONG, text, remedy)
    elif not found.exists:
        text = f"{directory} is not there yet"
        yield check.finding(Verdict.WARNING, text, "tstats collect makes it; is spoolDirectory right?")
    used = found.bytes / settings.spool_max_bytes
    verdict = graded(used, warning=_SHARE_WARNING, wrong=_SHARE_WRONG)
    if verdict is not Verdict.OK:
        room = f"{size(found.bytes)} of {size(settings.spool_max_bytes)}"
        text = f"{room} used; when it is full the oldest batches go"
        yield check.finding(verdict, text, "bring InfluxDB back, or raise spoolMaxBytes")
    left = max(0, settings.spool_max_bytes - found.bytes)
    if found.free < _LEAST_FREE:
        text = f"only {size(found.free)} free on the disk of {directory}"
        yield check.finding(Verdict.WRONG, text, "free room on that disk")
    elif found.free < left:
        text = f"{size(found.free)} free on the disk, and the spool may still grow by {size(left)}"
        yield check.finding(Verdict.WARNING, text, "free room on that disk, or lower spoolMaxBytes")


def _waiting(settings: Settings, check: Check, found: SpoolSurvey) -> Iterator[Finding]:
    batches = sum(one.batches for one in found.waiting.values()) + found.orphans
    longest = max((one.oldest for one in found.waiting.values()), default=0.0)
    details = [
        f"{target}: {counted(one.batches, 'batch', 'batches')}, the oldest {age(one.oldest)} old"
        for target, one in found.waiting.items()
    ]
    waits = f"{counted(batches, 'batch', 'batches')} ({size(found.bytes)}) waiting"
    if longest > max(_SHORTEST_WAIT, 3.0 * settings.publishing_interval):
        targets = [target for target, one in found.waiting.items() if one.oldest == longest]
        text = f"{waits}, the oldest for {age(longest)} (target {shown(targets)})"
        remedy = "InfluxDB does not take them: the checks of InfluxDB and the collector's log say why"
        yield check.finding(Verdict.WRONG, text, remedy, details)
    elif found.orphans:
        text = f"{waits}, {found.orphans} of them for servers that influxUrls no longer names"
        yield check.finding(Verdict.WARNING, text, "tstats collect hands them to the others when it starts")
    else:
        yield check.finding(Verdict.OK, f"{waits}, {size(found.free)} free on the disk", details=details)
