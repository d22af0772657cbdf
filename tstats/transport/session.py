"""Sessions of HTTP requests that go where they are sent, and nowhere else."""

from typing import Any

import requests
import urllib3
from urllib3.util import parse_url

from tstats.errors import RefusedError, ServerError

_CHUNK = 1 << 16


class DirectSession(requests.Session):
    """A session that follows no redirects, and repeats a request whose idle connection the server has closed.

    Where a request and its password go is for the configuration to say, not for a server. And a server may
    close an idle connection at the moment at which it is used again: that request is sent once more, on a new
    connection.

    Args:
        repeat_posts: also repeat a POST, since doing it twice is the same as doing it once.
        most_bytes: of a decompressed body that the caller does not stream.
    """

    def __init__(self, *, repeat_posts: bool = False, most_bytes: int = 64 << 20) -> None:
        super().__init__()
        self._repeat_posts = repeat_posts
        self._most_bytes = most_bytes

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # noqa: ANN401
        """Send a request.

        Raises:
            RefusedError: the server redirects; the text names the target, `status` says how.
            ServerError: the body has more than `most_bytes`.
        """
        streamed = options.pop("stream", False)
        try:
            response = super().send(request, stream=True, **options)
        except requests.ConnectionError as error:
            if not _is_closed(error) or (request.method == "POST" and not self._repeat_posts):
                raise
            self.get_adapter(request.url or "").close()  # the other idle connections may be closed, too
            response = super().send(request, stream=True, **options)
        if response.is_redirect:
            response.close()
            raise RefusedError(
                f"{_shown(response.url)} redirects to {_shown(response.headers['Location'])}, and redirects"
                " are not followed; configure the address that answers itself",
                status=response.status_code,
            )
        if not streamed:
            response._content = self._body(response)  # noqa: SLF001 (requests would read it without a bound)
        return response

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return no target, so that none is followed."""
        del resp

    def _body(self, response: requests.Response) -> bytes:
        body = bytearray()
        with response:
            for chunk in response.iter_content(_CHUNK):
                body += chunk
                if len(body) > self._most_bytes:
                    raise ServerError(
                        f"{_shown(response.url)} answered with more than {self._most_bytes} bytes"
                    )
        return bytes(body)


def _is_closed(error: requests.ConnectionError) -> bool:
    """Return whether the server closed the connection before it answered."""
    reason = error.args[0] if error.args else None
    return (
        isinstance(reason, urllib3.exceptions.ProtocolError)
        and len(reason.args) > 1
        and isinstance(reason.args[1], ConnectionError)
    )


def _shown(url: str) -> str:
    """Return a URL without what may be secret in it: user, password, query and fragment."""
    try:
        parts = parse_url(url)
    except urllib3.exceptions.LocationParseError:
        return "an invalid address"
    return parts._replace(auth=None, query=None, fragment=None).url
