"""What a browser says of where a request comes from, and which hosts are this machine."""

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
def test_a_browser_tells_of_another_site(headers: dict[str, str], *, expected: bool) -> None:
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
        ("0.0.0.0", False),  # noqa: S104 (it is what has to be told apart)
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_only(host: str, *, expected: bool) -> None:
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
def test_the_host_of_a_request_tells_what_its_sender_meant(host: str | None, *, expected: bool) -> None:
    assert is_for_loopback({} if host is None else {"host": host}) is expected
