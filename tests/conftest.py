"""What the tests run against: real servers, started once per session on their own loopback ports."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import hypothesis
import pytest

from tests.support import traffic_ops_database
from tests.support.emptied import emptied
from tests.support.influxd import Influxd
from tests.support.postgres import Postgres
from tstats.influx.client import Influx

# How long an example takes says more about the load of the machine than about the code.
hypothesis.settings.register_profile("tstats", deadline=None)
hypothesis.settings.load_profile("tstats")


def pytest_configure() -> None:
    # A shell starts background jobs with Ctrl-C ignored, which the commands under test would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop of asynchronous tests."""
    return "asyncio"


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether to write the golden files instead of comparing them."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    """An influxd that all tests share; use `influx` to have it empty."""
    with Influxd(tmp_path_factory.mktemp("influxd")) as server:
        yield server


@pytest.fixture
def influx(influxd: Influxd) -> Iterator[Influx]:
    """A connection to an influxd without any database."""
    with closing(emptied(influxd)) as connection:
        yield connection


@pytest.fixture(scope="session")
def other_influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    """A second influxd, for tests that move data from one to another."""
    with Influxd(tmp_path_factory.mktemp("other-influxd")) as server:
        yield server


@pytest.fixture
def other_influx(other_influxd: Influxd) -> Iterator[Influx]:
    """A connection to a second influxd without any database."""
    with closing(emptied(other_influxd)) as connection:
        yield connection


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL that all tests share; use `postgres_database` for an empty database in it."""
    with Postgres() as server:
        yield server


@pytest.fixture
def postgres_database(postgres: Postgres) -> Iterator[str]:
    """The name of an empty database."""
    name = postgres.create_database()
    yield name
    postgres.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty SQL database; the test runs once on each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tstats.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.url(request.getfixturevalue("postgres_database"))


@pytest.fixture
def traffic_ops_url(postgres: Postgres, postgres_database: str) -> str:
    """The URL, for its owner, of a small Traffic Ops database: 200 rows, 10 of them duplicates."""
    traffic_ops_database.fill(postgres, postgres_database, rows=200)
    return postgres.url(postgres_database, user=traffic_ops_database.OWNER)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=Path(__file__).parents[1],
        check=True,
        capture_output=True,
        timeout=60,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture
def golden() -> Path:
    """The folder of the golden files."""
    return Path(__file__).parent / "golden"
