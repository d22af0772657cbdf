"""What tests of summaries start from: the databases of the catalog, and an SQL database with its schema."""

import pytest

from tests.support.days import make_databases, migrated
from tstats.influx.client import Influx
from tstats.summaries.rows import SummaryRows


@pytest.fixture
def influx(influx: Influx) -> Influx:
    """A connection to an influxd whose databases are empty."""
    make_databases(influx)
    return influx


@pytest.fixture
def rows(database_url: str) -> SummaryRows:
    """The rows of an empty SQL database; the test runs once on each kind of database."""
    return migrated(database_url)
