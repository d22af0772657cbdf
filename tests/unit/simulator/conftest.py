"""What the tests of the simulator share."""

from collections.abc import Iterator

import pytest
import requests


@pytest.fixture
def http() -> Iterator[requests.Session]:
    """Provide a session that ignores proxies and credentials of the environment."""
    with requests.Session() as session:
        session.trust_env = False
        yield session
