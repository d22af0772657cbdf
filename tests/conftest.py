"""What the tests run against: real servers, started once a session on loopback ports of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.influxd import Influxd
from tstats.core.influxql import identifier
from tstats.stores.influx import Endpoint, Influx


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written instead of compared."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    """An influxd that all tests share; take `influx` to have it empty."""
    with Influxd(tmp_path_factory.mktemp("influxd")) as server:
        yield server


def _emptied(server: Influxd) -> Iterator[Influx]:
    influx = Influx(Endpoint(url=server.url))
    for series in influx.query("SHOW DATABASES"):
        for row in series.rows():
            influx.query(f"DROP DATABASE {identifier(row['name'])}")
    yield influx
    influx.close()


@pytest.fixture
def influx(influxd: Influxd) -> Iterator[Influx]:
    """A connection to an influxd without any database."""
    yield from _emptied(influxd)


@pytest.fixture(scope="session")
def other_influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    """A second influxd, for what goes from one to another."""
    with Influxd(tmp_path_factory.mktemp("other-influxd")) as server:
        yield server


@pytest.fixture
def other_influx(other_influxd: Influxd) -> Iterator[Influx]:
    """A connection to a second influxd without any database."""
    yield from _emptied(other_influxd)


@pytest.fixture
def golden() -> Path:
    """The folder of the golden files."""
    return Path(__file__).parent / "golden"
