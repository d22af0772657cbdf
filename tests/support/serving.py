"""A small HTTP server for tests, in its own thread."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.running import Running


class Serving(Running):
    """A server on a free loopback port; a context manager.

    Args:
        handler: the handler of its requests.
    """

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
