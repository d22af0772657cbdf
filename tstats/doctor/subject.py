"""One InfluxDB as its checks see it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tstats import catalog
from tstats.config.settings import Settings
from tstats.doctor.diagnosis import Finding, Verdict
from tstats.doctor.examine import Check
from tstats.errors import RefusedError
from tstats.influx.client import Influx
from tstats.schema.provision import read_live
from tstats.schema.spec import DatabaseSpec

FORBIDDEN = 403


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A database that tstats writes to.

    Attributes:
        key: the setting that names its policy.
        database: its name.
        policy: the one that the rollups and the readers look into.
        given: what the setting says; empty is the database's default one.
        collected: whether it holds what monitors told.
    """

    key: str
    database: str
    policy: str
    given: str
    collected: bool = True

    def chosen(self, live: Sequence[DatabaseSpec]) -> str | None:
        """The policy that its points go to; None where there is no such database."""
        for one in live:
            if one.name == self.database:
                return self.given or next((policy.name for policy in one.policies if policy.default), "")
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One of `influxUrls`.

    Attributes:
        settings: the whole configuration.
        influx: the connection.
        since: how far back the rollups are looked at, in ns.
        clock: seconds since the epoch.
    """

    settings: Settings
    influx: Influx
    since: int
    clock: Callable[[], float]

    @property
    def now(self) -> int:
        """In ns since the epoch."""
        return int(self.clock() * 1e9)

    @property
    def create(self) -> str:
        """The command that gives it our schema."""
        user = " --user USER" if self.influx.endpoint.user else ""
        own = "" if self.settings.rollup_mode == "influxdb" else " --no-continuous-queries"
        return f"create_ts_databases --url {self.influx.url}{user}{own}"

    @property
    def written(self) -> tuple[Written, ...]:
        """The databases that tstats writes to."""
        settings = self.settings
        return (
            Written(
                key="cacheRetentionPolicy",
                database=catalog.CACHE_STATS,
                policy=catalog.DAILY,
                given=settings.cache_retention_policy,
            ),
            Written(
                key="dsRetentionPolicy",
                database=catalog.DELIVERYSERVICE_STATS,
                policy=catalog.DAILY,
                given=settings.ds_retention_policy,
            ),
            Written(
                key="dailySummaryRetentionPolicy",
                database=catalog.DAILY_STATS,
                policy=catalog.INDEFINITE,
                given=settings.daily_summary_retention_policy,
                collected=False,
            ),
        )


def live_schema(subject: Subject, check: Check) -> tuple[DatabaseSpec, ...] | Finding:
    """What the server has of our databases; a finding of the check where the user may not see it.

    Raises:
        ServerError: the server cannot be reached, or answers what cannot be used.
    """
    try:
        ours = {database.name for database in catalog.DATABASES}
        return read_live(subject.influx, only=ours, complete=True)
    except RefusedError as error:
        if error.status != FORBIDDEN:
            raise
        return check.finding(Verdict.NOT_CHECKED, "the schema is shown to administrators only")
