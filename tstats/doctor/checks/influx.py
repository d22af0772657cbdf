"""The checks of one InfluxDB, in their order."""

from collections.abc import Callable, Iterator

from tstats.doctor.checks import health as doctor_health
from tstats.doctor.checks import points as doctor_points
from tstats.doctor.checks import schema as doctor_schema
from tstats.doctor.diagnosis import Finding, Verdict
from tstats.doctor.examine import Check
from tstats.doctor.subject import Subject

_REACH = "is influxd running there, and the URL in influxUrls right? Until then points wait in the spool"
_STATUS = "tstats rollup status has all the time it needs"

Look = Callable[[Subject, Check], Iterator[Finding]]


def checks(subject: Subject) -> list[Check]:
    """All of them, each after those that it needs."""
    area = f"InfluxDB {subject.influx.url}"

    def check(name: str, look: Look, remedy: str, *needs: Check, slow: Verdict = Verdict.WRONG) -> Check:
        def looked() -> Iterator[Finding]:
            return look(subject, made)

        made = Check(area=area, name=name, look=looked, remedy=remedy, needs=needs, slow=slow)
        return made

    version = check("version", doctor_schema.version, _REACH)
    login = check("login", doctor_schema.login, _REACH, version)
    return [
        version,
        login,
        check("schema", doctor_schema.schema, subject.create, login),
        check("policies", doctor_schema.policies, subject.create, login),
        check("health", doctor_health.health, "influxd's log says more", login),
        check("newest points", doctor_points.newest, _REACH, login, slow=Verdict.WARNING),
        check("rollups", doctor_points.rollups, _STATUS, login, slow=Verdict.WARNING),
    ]
