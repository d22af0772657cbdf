"""The API, served by a thread of the test's process."""

import threading

import uvicorn

from tests.support.running import Running
from tests.support.waiting import wait_for
from tstats.api.assembly import build_app
from tstats.config.settings import Settings


class ApiServer(Running):
    """A server on a free loopback port; a context manager. `url` is its address.

    Args:
        settings: the settings of the API, as if loaded from a file.
    """

    def __init__(self, settings: Settings) -> None:
        self._server = uvicorn.Server(
            uvicorn.Config(
                build_app(settings), host="127.0.0.1", port=0, lifespan="on", log_config=None, ws="none"
            )
        )
        self._thread = threading.Thread(target=self._server.run, name="api", daemon=True)
        self.url = ""

    def start(self) -> None:
        self._thread.start()
        wait_for(lambda: self._server.started or not self._thread.is_alive(), "the API to listen")
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
