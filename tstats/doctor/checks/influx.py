"""An InfluxDB under examination, and the checks of it that all others need: its version and the login."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from tstats import catalog
from tstats.doctor.diagnosis import Finding
from tstats.doctor.examine import Check, NotCheckedError
from tstats.errors import RefusedError
from tstats.influx import influxql
from tstats.influx.client import Influx
from tstats.schema.provision import read_live
from tstats.schema.spec import DatabaseSpec

_REACH = "check that influxd is running there and influxUrls is right; until then points wait in the spool"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenPolicy:
    """The retention policy that the points of a database are written to.

    Attributes:
        key: the setting that names it.
        database: the name of the database.
        expected: the policy that the rollups and all readers use.
        configured: the value of the setting; empty is the default policy of the database.
        collected: whether the points come from the monitors.
    """

    key: str
    database: str
    expected: str
    configured: str
    collected: bool = True

    def actual(self, live: Sequence[DatabaseSpec]) -> str | None:
        """Return the policy that the points go to; None if there is no such database."""
        for database in live:
            if database.name == self.database:
                defaults = (policy.name for policy in database.policies if policy.default)
                return self.configured or next(defaults, "")
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminedInflux:
    """One of `influxUrls`.

    Attributes:
        influx: the connection.
        continuous_queries: whether they compute the rollups, and not tstats.
        policies: where tstats writes.
        clock: returns ns since the epoch.
    """

    influx: Influx
    continuous_queries: bool
    policies: tuple[WrittenPolicy, ...]
    clock: Callable[[], int]

    @property
    def verify(self) -> bool | str:
        """How its certificate is verified, as `requests` takes it."""
        return not self.influx.endpoint.insecure and (self.influx.endpoint.ca_cert or True)

    @property
    def create_command(self) -> str:
        """The command that gives it the schema of the catalog."""
        user = " --user USER" if self.influx.endpoint.user else ""
        queries = "" if self.continuous_queries else " --no-continuous-queries"
        return f"create_ts_databases --url {self.influx.url}{user}{queries}"

    def live_schema(self) -> tuple[DatabaseSpec, ...]:
        """Return the live schema of the catalog's databases.

        Raises:
            NotCheckedError: the user may not see it.
            ServerError: the server cannot be reached, or its answer cannot be used.
        """
        with administrators_only("the schema"):
            names = {database.name for database in catalog.DATABASES}
            return read_live(self.influx, only=names, complete=True)


@contextmanager
def administrators_only(what: str) -> Iterator[None]:
    """Turn the refusal of a user who is not an administrator into a NotCheckedError."""
    try:
        yield
    except RefusedError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        raise NotCheckedError(f"only an administrator may see {what}") from error


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InfluxCheck(Check):
    """A check of one InfluxDB."""

    remedy: str = _REACH
    examined: ExaminedInflux


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InfluxVersionCheck(InfluxCheck):
    """The version of the server."""

    name: str = "version"

    def look(self) -> Iterator[Finding]:
        """Check that it answers and is an InfluxDB 1.x."""
        yield self.ok(f"InfluxDB {self.examined.influx.version()} answers")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InfluxLoginCheck(InfluxCheck):
    """The login to the server."""

    name: str = "login"

    def look(self) -> Iterator[Finding]:
        """Check that it is accepted."""
        user = self.examined.influx.endpoint.user
        try:
            self.examined.influx.query(influxql.show_databases())
        except RefusedError as error:
            yield self.wrong(str(error), "check influxUser and influxPassword (or influxPasswordFile)")
        else:
            yield self.ok(f"as {user!r}" if user else "without a user")
