"""The checks of the collector: whether it is running and healthy, and what waits in its spool."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tstats.collect.spool_survey import SpoolSurvey, survey
from tstats.core.time import MINUTE, SECOND
from tstats.doctor.diagnosis import (
    Finding,
    Verdict,
    format_age,
    format_count,
    format_names,
    format_size,
    grade,
)
from tstats.doctor.examine import Check
from tstats.errors import RefusedError, UnreachableError
from tstats.transport.http import fetch
from tstats.transport.session import DirectSession

_AREA = "collector"
_WARNING, _WRONG = 0.8, 0.95  # of the room of the spool
_SHORTEST_WAIT = 2 * MINUTE
_LEAST_FREE = 64 << 20
_MOST_BYTES = 1 << 20
_STOPPED = "its log says why it stopped"
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (asked there, not bound)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HealthzCheck(Check):
    """What the collector says of itself.

    Attributes:
        host, port: where it listens.
        seconds: the time limit of its answer.
    """

    area: str = _AREA
    name: str = "healthz"
    remedy: str = f"start tstats collect; {_STOPPED}"
    host: str
    port: int
    seconds: float

    @property
    def url(self) -> str:
        """Where to ask; a collector that listens on all addresses is asked on loopback."""
        host = _ANYWHERE.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/healthz"

    def look(self) -> Iterator[Finding]:
        """Check that it answers and reports no problem."""
        with DirectSession() as session:
            try:
                fetch(session, "GET", self.url, seconds=self.seconds, most_bytes=_MOST_BYTES)
            except RefusedError as error:
                yield self.wrong(str(error), "another program listens there: change metricsBind")
                return
            except UnreachableError as error:
                problems = _problems(str(error))
                if problems is None:
                    raise
                text = f"tstats collect is running and reports: {format_names(problems)}"
                yield self.wrong(text, "the checks below say what to do about it", problems)
                return
        yield self.ok(f"tstats collect reports at {self.url} that all is well")


def _problems(error: str) -> list[str] | None:
    """Return the problems that /healthz listed, from the error made of its answer; None if it listed none."""
    start = error.find("{")
    try:
        body = json.loads(error[start:]) if start >= 0 else None
    except ValueError:  # cut off, since an error shows only the beginning of a body
        return ["several problems (see /healthz)"] if '"healthy": false' in error else None
    return [str(problem) for problem in body.get("problems", [])] if isinstance(body, dict) else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpoolCheck(Check):
    """The collector's spool.

    Attributes:
        directory: where it is.
        targets: the servers that batches wait for, as the collector names them.
        most_bytes: the room for batches.
        publishing_interval: in ns.
        has_healthz: whether another check finds out if the collector is running.
    """

    area: str = _AREA
    name: str = "spool"
    remedy: str = "run tstats doctor as the user that tstats collect runs as"
    directory: Path
    targets: Sequence[str]
    most_bytes: int
    publishing_interval: int
    has_healthz: bool

    def look(self) -> Iterator[Finding]:
        """Check that there is room, that batches do not wait for long, and that none was refused."""
        found = survey(self.directory, self.targets)
        yield from self._room(found)
        if not found.exists:
            return
        yield self._waiting(found)
        if found.in_use is False and not self.has_healthz:
            text = f"no tstats collect on this machine uses {self.directory}"
            yield self.warning(text, f"start tstats collect, unless it runs elsewhere; {_STOPPED}")
        if found.rejected:
            writes = format_count(found.rejected, "write")
            text = f"{writes} permanently refused; the last: {found.newest_reason[:200]}"
            remedy = f"fix the cause, then send what is in {self.directory / 'rejected'} again or delete it"
            yield self.warning(text, remedy)

    def _room(self, found: SpoolSurvey) -> Iterator[Finding]:
        """Yield what stands in the way of the next batches."""
        if not found.writable:
            remedy = "let the user of tstats collect write there, or run tstats doctor as that user"
            yield self.wrong(f"this user cannot write to {self.directory}", remedy)
        elif not found.exists:
            text = f"{self.directory} does not exist yet"
            yield self.warning(text, "tstats collect creates it; check that spoolDirectory is right")
        verdict = grade(found.bytes / self.most_bytes, warning=_WARNING, wrong=_WRONG)
        if verdict is not Verdict.OK:
            room = f"{format_size(found.bytes)} of {format_size(self.most_bytes)}"
            text = f"{room} used; when it is full, the oldest batches are deleted"
            yield self.finding(verdict, text, "bring InfluxDB back, or raise spoolMaxBytes")
        left = max(0, self.most_bytes - found.bytes)
        free = format_size(found.free)
        if found.free < _LEAST_FREE:
            yield self.wrong(
                f"only {free} free on the disk of {self.directory}", "free up space on that disk"
            )
        elif found.free < left:
            text = f"{free} free on the disk, but the spool may grow by another {format_size(left)}"
            yield self.warning(text, "free up space on that disk, or lower spoolMaxBytes")

    def _waiting(self, found: SpoolSurvey) -> Finding:
        """Return the finding on the batches that wait."""
        ages = {target: round(waiting.oldest * SECOND) for target, waiting in found.waiting.items()}
        batches = sum(waiting.batches for waiting in found.waiting.values()) + found.orphans
        text = f"{_format_batches(batches)} ({format_size(found.bytes)}) waiting"
        details = [
            f"{target}: {_format_batches(waiting.batches)}, the oldest {format_age(ages[target])} old"
            for target, waiting in found.waiting.items()
        ]
        longest = max(ages.values(), default=0)
        if longest > max(_SHORTEST_WAIT, 3 * self.publishing_interval):
            targets = format_names(target for target, age in ages.items() if age == longest)
            text += f", the oldest for {format_age(longest)} (target {targets})"
            remedy = "InfluxDB does not accept them: see the checks of InfluxDB and the collector's log"
            return self.wrong(text, remedy, details)
        if found.orphans:
            text += f", {found.orphans} of them for servers that influxUrls no longer names"
            return self.warning(text, "tstats collect hands them to the other servers when it starts")
        return self.ok(f"{text}, {format_size(found.free)} free on the disk", details)


def _format_batches(number: int) -> str:
    return format_count(number, "batch", "batches")
