"""Which requests come from another site, and which hosts are this machine."""

import pytest

from tstats.api.access.origin import is_cross_site, is_for_loopback, is_loopback


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, False),
        ({"sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "same-site"}, True),
        ({"sec-fetch-site": "same-origin", "origin": "https://elsewhere.example"}, False),
        ({"origin": "https://stats.example.com", "host": "stats.example.com"}, False),
        ({"origin": "https://Stats.example.com:8443", "host": "stats.example.com:8443"}, False),
        ({"origin": "https://stats.example.com:8443", "host": "stats.example.com"}, True),
        ({"origin": "https://evil.example", "host": "stats.example.com"}, True),
        ({"origin": "null", "host": "stats.example.com"}, True),
        ({"origin": "null"}, True),
        ({"origin": "http://[", "host": "stats.example.com"}, True),
    ],
    ids=str,
)
def test_requests_from_another_site(headers: dict[str, str], *, expected: bool) -> None:
    assert is_cross_site(headers) is expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),  # noqa: S104 (not a bind address)
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("", False),
    ],
)
def test_loopback_hosts(host: str, *, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (None, True),
        ("localhost:8080", True),
        ("127.0.0.1", True),
        ("[::1]:8080", True),
        ("rebound.example:8080", False),
        ("user@127.0.0.1:80", True),
        ("[", False),
        (":80", False),
    ],
)
def test_requests_for_loopback(host: str | None, *, expected: bool) -> None:
    assert is_for_loopback({} if host is None else {"host": host}) is expected
