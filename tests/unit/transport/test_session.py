"""Sessions go where they are sent, and repeat what a closed idle connection swallowed."""

import gzip
from http.server import BaseHTTPRequestHandler

import pytest
import requests

from tests.support.serving import Serving
from tests.support.stand_in import Reply, StandIn
from tstats.errors import RefusedError, ServerError
from tstats.transport.session import DirectSession


class ClosesIdleConnections(BaseHTTPRequestHandler):
    """Answers once per connection, and closes it when it is used again, as at an idle time-out."""

    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.answered = False

    def do_GET(self) -> None:
        if self.answered:
            self.close_connection = True
            return
        self.answered = True
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_POST = do_GET  # noqa: N815 (the name that http.server looks for)

    def log_message(self, *arguments: object) -> None:
        del arguments


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_redirect_is_an_error_that_names_the_target(method: str, status: int) -> None:
    location = {"Location": "http://someone:secret@elsewhere.invalid/query?q=DROP+DATABASE+x"}
    with StandIn(lambda _: Reply(status=status, headers=location)) as server, DirectSession() as session:
        with pytest.raises(RefusedError) as refusal:
            session.request(method, server.url + "/login?token=hidden")
        assert len(server.requests) == 1
    text = str(refusal.value)
    assert refusal.value.status == status
    assert "redirects to http://elsewhere.invalid/query," in text
    assert not any(secret in text for secret in ("secret", "DROP", "hidden"))


def test_none_of_a_thousand_polls_fails_on_connections_that_the_server_closes() -> None:
    with Serving(ClosesIdleConnections) as server, DirectSession() as session:
        for _ in range(1000):
            assert session.get(server.url, timeout=10).content == b"ok"


def test_a_post_is_not_repeated_unless_that_is_harmless() -> None:
    with Serving(ClosesIdleConnections) as server:
        with DirectSession() as session:
            session.post(server.url, timeout=10)
            with pytest.raises(requests.ConnectionError):
                session.post(server.url, timeout=10)
        with DirectSession(repeat_posts=True) as session:
            session.post(server.url, timeout=10)
            assert session.post(server.url, timeout=10).content == b"ok"


def test_a_server_that_always_closes_is_asked_only_twice() -> None:
    asked = []

    class Closes(ClosesIdleConnections):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.close_connection = True

    with Serving(Closes) as server, DirectSession() as session, pytest.raises(requests.ConnectionError):
        session.get(server.url, timeout=10)
    assert len(asked) == 2


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip"])
def test_a_body_is_bounded_as_it_is_decompressed(encoding: str) -> None:
    body = b"0" * (64 << 20)
    for _ in encoding.split(","):
        body = gzip.compress(body)
    bomb = Reply(status=200, headers={"Content-Encoding": encoding}, body=body)
    with StandIn(lambda _: bomb) as server, DirectSession(most_bytes=1 << 20) as session:
        with pytest.raises(ServerError, match="more than 1048576 bytes"):
            session.get(server.url, timeout=10)
        with session.get(server.url, timeout=10, stream=True) as answer:
            assert answer.status_code == 200
