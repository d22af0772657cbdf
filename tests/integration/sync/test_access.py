"""`sync_ts_databases` between servers that ask who it is, by users with few rights, and over TLS."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from influxdb_tools import sync_ts_databases
from tests.support.influxd import Influxd
from tests.support.points import Point, as_export, export, write_whole
from tstats.core.secret import Secret
from tstats.core.time import DAY, HOUR, MINUTE
from tstats.influx.client import Endpoint, Influx

DATABASE, POLICY = "cache_stats", "monthly"
# Of each user of the two servers that ask; none but `admin` is an administrator.
PASSWORDS = {"admin": "admín-пароль", "reader": "reads", "keeper": "keeps", "writer": "writes", "nobody": "-"}
GRANTS = {"reader": "READ", "keeper": "ALL", "writer": "WRITE"}
LOCKED = {"INFLUXDB_HTTP_AUTH_ENABLED": "true"}
T = 20_000 * DAY
LOST = range(T + HOUR, T + 2 * HOUR)


@dataclass(frozen=True, kw_only=True)
class Told:
    """What became of a run."""

    status: int
    out: str
    err: str

    @property
    def report(self) -> Any:  # noqa: ANN401 (JSON)
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line on stderr."""
        (line,) = self.err.splitlines()
        return line


Sync = Callable[..., Told]


@pytest.fixture
def sync(capsys: pytest.CaptureFixture[str]) -> Sync:
    """Runs the command from one server to another, with the words of a command line behind them."""

    def run(source: str, target: str, *arguments: str) -> Told:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            sync_ts_databases.main(["--source-url", source, "--target-url", target, *arguments])
        out, err = capsys.readouterr()
        assert isinstance(end.value.code, int)
        told = Told(status=end.value.code, out=out, err=err)
        for password in PASSWORDS.values():
            assert len(password) == 1 or password not in told.out + told.err
        return told

    return run


def points(number: int = 180) -> list[Point]:
    """So many minutes of 40 hosts, more than are compared without digests; and some of other days."""
    return [
        *(
            Point(tags=tags(host), time=T + minute * MINUTE, fields=(("value", host * 1000.0 + minute),))
            for host in range(40)
            for minute in range(number)
        ),
        *(
            Point(measurement="maxkbps.1min", tags=tags(0), time=T + day * DAY, fields=(("value", day),))
            for day in range(-9, 10, 9)
        ),
    ]


def tags(host: int) -> tuple[tuple[str, str], ...]:
    return (("cachegroup", f"cg{host % 3}"), ("hostname", f"edge-{host:02d}"))


def as_admin(server: Influxd) -> Influx:
    return Influx(Endpoint(url=server.url, user="admin", password=Secret(PASSWORDS["admin"])))


def credentials(side: str, user: str) -> list[str]:
    return [f"--{side}-user", user, f"--{side}-password", PASSWORDS[user]]


def by(source_user: str, target_user: str) -> list[str]:
    return [*credentials("source", source_user), *credentials("target", target_user)]


# --- who is asked for


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Influxd, Influxd]]:
    """Two influxds that ask for a password."""
    with (
        Influxd(tmp_path_factory.mktemp("locked-source"), settings=LOCKED) as source,
        Influxd(tmp_path_factory.mktemp("locked-target"), settings=LOCKED) as target,
    ):
        for server in (source, target):
            first = Influx(Endpoint(url=server.url))
            first.query(f"CREATE USER admin WITH PASSWORD '{PASSWORDS['admin']}' WITH ALL PRIVILEGES")
            first.close()
            admin = as_admin(server)
            for user in sorted(PASSWORDS.keys() - {"admin"}):
                admin.query(f"CREATE USER {user} WITH PASSWORD '{PASSWORDS[user]}'")
            admin.close()
        yield source, target


@dataclass(frozen=True, kw_only=True)
class Sites:
    """Two servers of one schema, seen by their administrator."""

    source: Influx
    target: Influx


@pytest.fixture
def sites(locked: tuple[Influxd, Influxd]) -> Iterator[Sites]:
    """The source holds all points; the target has the schema, and each user its right in each."""
    source, target = map(as_admin, locked)
    for admin in (source, target):
        admin.query(f"DROP DATABASE {DATABASE}")
        create(admin)
        for user, right in GRANTS.items():
            admin.query(f"GRANT {right} ON {DATABASE} TO {user}")
    write_whole(source, points(), database=DATABASE, policy=POLICY)
    yield Sites(source=source, target=target)
    source.close()
    target.close()


def create(influx: Influx) -> None:
    influx.query(
        f"CREATE DATABASE {DATABASE} WITH DURATION INF REPLICATION 1 SHARD DURATION 1d NAME {POLICY}"
    )


def held(influx: Influx) -> dict[Any, Any]:
    return export(influx, DATABASE, POLICY)


def test_reading_the_source_and_keeping_the_target_takes_no_administrator(sync: Sync, sites: Sites) -> None:
    where = sites.source.url, sites.target.url
    first = sync(*where, *by("reader", "keeper"), "--output", "json")
    assert (first.status, first.err) == (0, "")
    assert first.report["verified"]
    assert held(sites.target) == as_export(points())
    again = sync(*where, *by("reader", "keeper"), "--output", "json").report
    assert (again["in_sync"], again["points_written"]) == (True, 0)
    assert again["points_read"] < len(points()) / 10  # the digests were enough


@pytest.mark.parametrize("damaged", ["an hour", "all but the middle"])
def test_without_administrators_a_damaged_copy_is_healed(sync: Sync, sites: Sites, damaged: str) -> None:
    """Where the points of each side begin and end is then found without its shards."""
    kept = [point for point in points() if (point.time in LOST) == (damaged != "an hour")]
    write_whole(sites.target, kept, database=DATABASE, policy=POLICY)
    where = sites.source.url, sites.target.url
    checked = {
        users: sync(*where, *by(*users), "--check", "--output", "json")
        for users in (("reader", "reader"), ("admin", "admin"))
    }
    for told in checked.values():
        assert (told.status, told.report["points_missing"]) == (3, len(points()) - len(kept))
    assert sync(*where, *by("reader", "keeper")).status == 0
    assert held(sites.target) == as_export(points())


def test_a_continuous_query_that_is_missing_is_made_by_who_keeps_the_target(sync: Sync, sites: Sites) -> None:
    for name in ("x", "y"):
        sites.source.query(
            f"CREATE CONTINUOUS QUERY {name} ON {DATABASE} BEGIN SELECT mean(value) INTO"
            f" {DATABASE}.{POLICY}.{name} FROM {DATABASE}.{POLICY}.z GROUP BY time(1m) END"
        )
    told = sync(sites.source.url, sites.target.url, *by("reader", "keeper"))
    assert told.status == 0, told.err
    queries = {series.name: series for series in sites.target.query("SHOW CONTINUOUS QUERIES")}
    assert [row["name"] for row in queries[DATABASE].rows()] == ["x", "y"]


def test_a_schema_that_takes_an_administrator_is_told_and_the_rest_is_synced(
    sync: Sync, sites: Sites
) -> None:
    sites.source.query(f"CREATE RETENTION POLICY indefinite ON {DATABASE} DURATION INF REPLICATION 1")
    where = sites.source.url, sites.target.url
    told = sync(*where, *by("reader", "keeper"))
    assert told.status == 1
    assert "the schema could not be synced: " in told.error
    assert "requires admin privilege; at the target: only an administrator may do this" in told.error
    assert "--no-schema" in told.error
    assert held(sites.target) == as_export(points())
    assert sync(*where, *by("reader", "keeper"), "--no-schema").status == 0
    assert sync(*where, *by("reader", "admin")).status == 0


@pytest.mark.parametrize("schema", ["--schema", "--no-schema"])
def test_a_target_user_who_only_reads_can_check_and_is_told_what_it_lacks_to_sync(
    sync: Sync, sites: Sites, schema: str
) -> None:
    where = sites.source.url, sites.target.url
    assert sync(*where, *by("reader", "reader"), schema, "--check").status == 3
    told = sync(*where, *by("reader", "reader"), schema)
    assert told.status == 1
    assert "not authorized to write to database" in told.error
    assert told.error.endswith(
        f"; at the target: an administrator can allow it: GRANT ALL ON {DATABASE} TO reader"
    )
    assert held(sites.target) == {}


@pytest.mark.parametrize(
    ("users", "why", "remedy"),
    [
        (("nobody", "keeper"), "has no database", "at the source: a user sees only the databases"),
        (("writer", "keeper"), "requires READ on cache_stats", "at the source: an administrator can allow"),
        (("reader", "writer"), "requires READ on cache_stats", "at the target: an administrator can allow"),
        (("reader", "nobody"), "requires admin privilege", "at the target: only an administrator"),
    ],
)
def test_a_right_that_is_missing_is_named_with_its_server(
    sync: Sync, sites: Sites, users: tuple[str, str], why: str, remedy: str
) -> None:
    told = sync(sites.source.url, sites.target.url, *by(*users), "--database", DATABASE)
    assert told.status == 1
    first = told.err.splitlines()[0]
    assert why in first
    assert remedy in first
    assert "retry" not in told.err
    assert held(sites.target) == {}


def test_to_heal_the_source_too_takes_the_right_to_write_there(sync: Sync, sites: Sites) -> None:
    more = Point(tags=tags(77), time=T, fields=(("value", 1.0),))
    write_whole(sites.target, [more], database=DATABASE, policy=POLICY)
    where = sites.source.url, sites.target.url
    told = sync(*where, *by("reader", "keeper"), "--both-ways")
    assert told.status == 1
    assert told.error.endswith(
        f"; at the source: an administrator can allow it: GRANT ALL ON {DATABASE} TO reader"
    )
    assert sync(*where, *by("keeper", "keeper"), "--both-ways").status == 0
    assert held(sites.source) == held(sites.target) == as_export([*points(), more])


@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize("password", ["wrong-password", ""])
def test_a_wrong_password_is_refused_at_once_and_its_server_named(
    sync: Sync, sites: Sites, side: str, password: str
) -> None:
    other = "target" if side == "source" else "source"
    wrong = [f"--{side}-user", "keeper", f"--{side}-password", password, *credentials(other, "keeper")]
    told = sync(sites.source.url, sites.target.url, *wrong)
    assert told.status == 1
    assert getattr(sites, side).url in told.error
    assert "refused with 401" in told.error
    assert told.error.endswith(
        f"; at the {side}: check --{side}-user and its password"
        f" (--{side}-password-file or {side.upper()}_INFLUX_PASSWORD)"
    )
    assert "wrong-password" not in told.error


def test_the_passwords_come_from_files_the_environment_or_the_urls(
    sync: Sync, sites: Sites, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {}
    for side in ("source", "target"):
        files[side] = tmp_path / side
        files[side].write_text(f"{PASSWORDS['admin']}\nmore\n", encoding="utf-8")
    source, target = sites.source.url, sites.target.url
    users = ["--source-user", "admin", "--target-user", "admin", "--check"]
    from_files = [f"--{side}-password-file={file}" for side, file in files.items()]
    assert sync(source, target, *users, *from_files).status == 3
    monkeypatch.setenv("SOURCE_INFLUX_PASSWORD", PASSWORDS["admin"])
    assert sync(source, target, *users).status == 1  # of the source only
    monkeypatch.setenv("TARGET_INFLUX_PASSWORD", PASSWORDS["admin"])
    assert sync(source, target, *users).status == 3
    for side in ("SOURCE", "TARGET"):
        monkeypatch.setenv(f"{side}_INFLUX_PASSWORD", "no")
    assert sync(with_user(source), with_user(target), "--check").status == 3


def with_user(url: str) -> str:
    return url.replace("//", f"//admin:{PASSWORDS['admin']}@")


# --- TLS


class _OverTls(Influxd):
    """An influxd that speaks https only, under the name `localhost`."""

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"


def certificate(folder: Path) -> Mapping[str, str]:
    """A key and a certificate for `localhost` that it signs itself, as settings of influxd."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    wanted = ["-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "2"]
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(
        ["openssl", "req", "-x509", *wanted, *named, "-keyout", key, "-out", cert],  # noqa: S607 (Debian's)
        check=True,
        capture_output=True,
    )
    return {
        "INFLUXDB_HTTP_HTTPS_ENABLED": "true",
        "INFLUXDB_HTTP_HTTPS_CERTIFICATE": str(cert),
        "INFLUXDB_HTTP_HTTPS_PRIVATE_KEY": str(key),
    }


@pytest.fixture(scope="module")
def over_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    """An influxd with a certificate that nobody knows; see `ca_cert`."""
    folder = tmp_path_factory.mktemp("over-tls")
    settings = certificate(folder)
    with pytest.MonkeyPatch.context() as patch:
        # Who waits for the server to answer trusts it.
        patch.setenv("SSL_CERT_FILE", settings["INFLUXDB_HTTP_HTTPS_CERTIFICATE"])
        server = _OverTls(folder, settings=settings)
        server.start()
    yield server
    server.stop()


@pytest.fixture
def ca_cert(over_tls: Influxd) -> str:
    """The file of the certificate."""
    return str(over_tls.folder / "cert.pem")


@pytest.fixture
def secure(over_tls: Influxd, ca_cert: str) -> Iterator[Influx]:
    """A connection to it, without any database."""
    influx = Influx(Endpoint(url=over_tls.url, ca_cert=ca_cert))
    influx.query(f"DROP DATABASE {DATABASE}")
    yield influx
    influx.close()


@pytest.fixture
def plain(influx: Influx) -> Influx:
    """A source that speaks http, with few points."""
    create(influx)
    write_whole(influx, points(2), database=DATABASE, policy=POLICY)
    return influx


def test_a_certificate_that_nobody_knows_is_refused_and_the_options_named(
    sync: Sync, plain: Influx, secure: Influx
) -> None:
    for side, urls in (("target", (plain.url, secure.url)), ("source", (secure.url, plain.url))):
        told = sync(*urls)
        assert told.status == 1
        assert f"{secure.url}/ping: no TLS connection that can be trusted" in told.error
        assert told.error.endswith(
            f"; at the {side}: --ca-cert FILE trusts the certificates in FILE, --insecure trusts any"
        )
    assert secure.query("SHOW DATABASES")[0].values == []


def test_with_its_certificate_or_none_looked_at_a_server_is_synced(
    sync: Sync, plain: Influx, secure: Influx, other_influx: Influx, ca_cert: str
) -> None:
    first = sync(plain.url, secure.url, "--ca-cert", ca_cert)
    assert (first.status, first.err) == (0, "")
    assert held(secure) == as_export(points(2))
    second = sync(secure.url, other_influx.url, "--insecure")
    assert second.status == 0
    assert second.error == f"warning: --insecure: the certificate of {secure.url} is not verified"
    assert held(other_influx) == as_export(points(2))


def test_a_certificate_for_another_name_is_refused_although_it_is_trusted(
    sync: Sync, plain: Influx, secure: Influx, ca_cert: str
) -> None:
    told = sync(plain.url, secure.url.replace("localhost", "127.0.0.1"), "--ca-cert", ca_cert)
    assert told.status == 1
    assert told.error.endswith("; at the target: use the name that the certificate is for")


def test_a_server_that_speaks_the_other_protocol_is_told_so(
    sync: Sync, plain: Influx, secure: Influx
) -> None:
    told = sync(plain.url.replace("http:", "https:"), secure.url)
    assert told.status == 1
    assert told.error.endswith("; at the source: if it does not speak https, write http:// in its URL")
    told = sync(plain.url, secure.url.replace("https:", "http:"))
    assert told.status == 1
    assert "HTTPS" in told.error


def test_the_system_s_bundle_in_the_environment_does_not_go_before_the_option(
    sync: Sync, plain: Influx, secure: Influx, ca_cert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", os.devnull)
    assert sync(plain.url, secure.url, "--ca-cert", ca_cert).status == 0
    assert sync(plain.url, secure.url, "--insecure", "--check").status == 0


def test_certificates_that_the_environment_names_are_trusted(
    sync: Sync, plain: Influx, secure: Influx, ca_cert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ca_cert)
    assert sync(plain.url, secure.url).status == 0


def test_a_proxy_that_the_environment_names_is_used(
    sync: Sync, plain: Influx, secure: Influx, ca_cert: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server answers a request that is sent to it as to a proxy as if it were its own."""
    monkeypatch.setenv("http_proxy", plain.url)
    assert sync("http://not.a.host.invalid:8086", secure.url, "--ca-cert", ca_cert).status == 0
    monkeypatch.setenv("no_proxy", "invalid")
    assert sync("http://not.a.host.invalid:8086", secure.url, "--ca-cert", ca_cert).status == 1
