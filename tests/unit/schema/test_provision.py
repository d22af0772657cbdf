"""Provisioning a server that misbehaves: changes are independent, and the report says what happened."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tstats.core.time import DAY, HOUR
from tstats.errors import RefusedError, ServerError, TstatsError, UnreachableError
from tstats.influx.client import Endpoint, Influx, Series
from tstats.schema.provision import REFUSED_LOSS, InstanceReport, provision, read_live
from tstats.schema.spec import DatabaseSpec, PolicySpec

WANTED = (
    DatabaseSpec(
        name="a", policies=(PolicySpec(name="p", duration=HOUR),), continuous_queries={"q": "CREATE q"}
    ),
    DatabaseSpec(name="b", policies=(PolicySpec(name="p", duration=HOUR),)),
)


class FakeInflux(Influx):
    """A server with the databases `names`, each with the policies `rows`; statements in `failing` fail."""

    def __init__(
        self, *, names: tuple[str, ...] = (), failing: Mapping[str, TstatsError] | None = None
    ) -> None:
        super().__init__(Endpoint(url="http://influx:8086"))
        self.names = list(names)
        self.rows: list[list[Any]] = []
        self.queries: dict[str, str] = {}
        self.failing = dict(failing or {})
        self.asked: list[str] = []
        self.answering: Callable[[], str] = lambda: "1.6.7"

    def version(self) -> str:
        return self.answering()

    def query(
        self, statement: str, *, database: str | None = None, bind: Mapping[str, Any] | None = None
    ) -> list[Series]:
        del database, bind
        self.asked.append(statement)
        for start, error in self.failing.items():
            if statement.startswith(start):
                raise error
        if statement == "SHOW DATABASES":
            return [Series(columns=["name"], values=[[name] for name in self.names])]
        if statement.startswith("SHOW RETENTION POLICIES"):
            columns = ["name", "duration", "shardGroupDuration", "replicaN", "default"]
            return [Series(columns=columns, values=self.rows)]
        if statement == "SHOW CONTINUOUS QUERIES":
            rows = [list(item) for item in self.queries.items()]
            return [Series(name=name, columns=["name", "query"], values=rows) for name in self.names]
        return []


def outcomes(report: InstanceReport) -> list[tuple[str, bool, str | None]]:
    return [(f"{one.change.kind} {one.change.database}", one.applied, one.error) for one in report.changes]


def apply(influx: Influx) -> InstanceReport:
    return provision(influx, WANTED, allow_data_loss=False, apply=True)


def test_a_plan_alone_sends_no_change() -> None:
    influx = FakeInflux()
    report = provision(influx, WANTED, allow_data_loss=False, apply=False)
    assert len(report.changes) == 5
    assert not any(one.applied or one.error for one in report.changes)
    assert not report.in_sync
    assert all(statement.startswith("SHOW") for statement in influx.asked)


def test_what_depends_on_a_failed_database_is_not_tried_and_the_rest_is() -> None:
    report = apply(FakeInflux(failing={"CREATE DATABASE a": RefusedError("not allowed")}))
    not_tried = "not tried: the database a could not be created"
    assert outcomes(report) == [
        ("database a", False, "not allowed"),
        ("database b", True, None),
        ("retention policy a", False, not_tried),
        ("retention policy b", True, None),
        ("continuous query a", False, not_tried),
    ]
    assert not report.in_sync


def test_one_failing_change_does_not_stop_the_others() -> None:
    report = apply(FakeInflux(failing={"CREATE RETENTION POLICY p ON a": RefusedError("no")}))
    assert [one.applied for one in report.changes] == [True, True, False, True, True]


def test_nothing_more_is_tried_after_the_server_has_become_unreachable() -> None:
    influx = FakeInflux(failing={"CREATE DATABASE b": UnreachableError("refused")})
    report = apply(influx)
    assert [one.error for one in report.changes] == [
        None,
        "refused",
        *["not tried: the server had become unreachable"] * 3,
    ]
    assert not any(statement.startswith("CREATE RETENTION") for statement in influx.asked)


@pytest.mark.parametrize("error", [UnreachableError("down"), RefusedError("401", status=401)], ids=repr)
def test_a_server_that_cannot_be_read_is_reported_not_raised(error: TstatsError) -> None:
    report = apply(FakeInflux(failing={"SHOW": error}))
    assert report.error == str(error)
    assert report.version == "1.6.7"
    assert not report.in_sync
    assert report.changes == ()


def test_a_server_that_is_not_influxdb_1_is_reported_without_a_version() -> None:
    def answering() -> str:
        raise ServerError("http://influx:8086 is InfluxDB v2.7.1")

    influx = FakeInflux()
    influx.answering = answering
    assert apply(influx).version is None
    assert influx.asked == []


def test_in_sync_is_what_the_server_shows_at_the_end_not_what_was_sent() -> None:
    report = apply(FakeInflux())  # it accepts every statement and does nothing
    assert all(one.applied for one in report.changes)
    assert not report.in_sync
    assert "still differs" in str(report.error)


def test_a_change_that_deletes_points_is_not_sent_unless_that_is_allowed() -> None:
    wanted = [DatabaseSpec(name="a", policies=(PolicySpec(name="p", duration=2 * DAY),))]
    influx = FakeInflux(names=("a",))
    influx.rows = [["p", "720h0m0s", "24h0m0s", 1, False]]
    (refused,) = provision(influx, wanted, allow_data_loss=False, apply=True).changes
    assert (refused.applied, refused.error) == (False, REFUSED_LOSS)
    assert not any("ALTER" in statement for statement in influx.asked)
    (applied,) = provision(influx, wanted, allow_data_loss=True, apply=True).changes
    assert applied.applied


def test_a_query_is_replaced_in_one_request_so_that_it_is_never_missing() -> None:
    influx = FakeInflux(names=("a", "b"))
    influx.queries = {"q": "CREATE old"}
    apply(influx)
    assert "DROP CONTINUOUS QUERY q ON a; CREATE q" in influx.asked


def test_a_refused_replacement_restores_the_old_query() -> None:
    influx = FakeInflux(names=("a", "b"), failing={"DROP": RefusedError("bad query")})
    influx.queries = {"q": "CREATE old"}
    report = apply(influx)
    assert report.changes[-1].error == "bad query"
    assert (
        influx.asked.index("CREATE old") == influx.asked.index("DROP CONTINUOUS QUERY q ON a; CREATE q") + 1
    )


def test_a_query_that_cannot_be_restored_is_reported() -> None:
    failing = {"DROP": RefusedError("bad query"), "CREATE old": UnreachableError("gone")}
    influx = FakeInflux(names=("a", "b"), failing=failing)
    influx.queries = {"q": "CREATE old"}
    assert apply(influx).changes[-1].error == "bad query; and the old one may be lost: gone"


def test_only_the_requested_databases_are_read() -> None:
    influx = FakeInflux(names=("a", "other", "_internal"))
    live = read_live(influx, only=["a"])
    assert [database.name for database in live] == ["a", "other", "_internal"]
    assert [statement for statement in influx.asked if "POLICIES" in statement] == [
        "SHOW RETENTION POLICIES ON a"
    ]


def test_all_databases_except_the_servers_own_are_read_by_default() -> None:
    influx = FakeInflux(names=("a", "other", "_internal"))
    read_live(influx)
    assert [statement for statement in influx.asked if "POLICIES" in statement] == [
        "SHOW RETENTION POLICIES ON a",
        "SHOW RETENTION POLICIES ON other",
    ]


@pytest.mark.parametrize("row", [["p", "soon", "1h0m0s", 1, False], ["p", "1h0m0s", "1h0m0s", 0, False]])
def test_an_invalid_policy_is_an_error_that_names_the_server(row: list[Any]) -> None:
    influx = FakeInflux(names=("a",))
    influx.rows = [row]
    with pytest.raises(ServerError, match=r"http://influx:8086 .* 'a'"):
        read_live(influx)
