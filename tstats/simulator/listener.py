"""A server on a loopback port, which can stop listening and come back on the same port."""

import gzip
import selectors
import socket
import sys
import threading
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

from tstats.errors import TstatsError
from tstats.simulator.exchange import HttpRequest, HttpResponse
from tstats.simulator.faults import ActiveFault

_BACKLOG = 128
_DRIPS = 20  # pieces of a body that is sent slowly


class ExchangeHandler(Protocol):
    """What a listener calls for each request; several threads may call it at once."""

    def begin(self, server: str, request: HttpRequest) -> ActiveFault | None:
        """Log a request and return the fault that strikes it."""
        ...

    def respond(self, server: str, request: HttpRequest) -> HttpResponse:
        """Return the right response."""
        ...

    def sending(self, server: str, response: HttpResponse) -> AbstractContextManager[None]:
        """Log, at the end of the block, a response whose last byte was handed to the system in it."""
        ...


class Listener:
    """A named server that holds its port from the start, but does not listen before `open`.

    While it does not listen, the port is bound, so clients are refused and no other process can take it.
    """

    def __init__(self, name: str, *, address: str, port: int, handler: ExchangeHandler) -> None:
        """Bind the port; 0 takes any free one.

        Raises:
            TstatsError: the port is taken or not allowed.
        """
        self.name = name
        self._handler = handler
        self._lock = threading.Lock()
        self._held: socket.socket | None = _bound(name, address, port)
        self._address: tuple[str, int] = self._held.getsockname()
        self._server: _BreakableServer | None = None
        self._accepting: threading.Thread | None = None
        self._wake: socket.socket | None = None

    @property
    def port(self) -> int:
        """The port, whether it listens or not."""
        return self._address[1]

    def open(self) -> None:
        """Start listening; does nothing if it listens already.

        Raises:
            TstatsError: another process took the port.
        """
        with self._lock:
            if self._server is not None:
                return
            held = self._held or _bound(self.name, *self._address)
            self._held = None
            try:
                held.listen(_BACKLOG)
            except OSError as error:
                held.close()
                raise _taken(self.name, self._address, error) from error
            wake, woken = socket.socketpair()
            self._wake = wake
            self._server = _BreakableServer(held, self.name, self._handler)
            self._accepting = threading.Thread(
                target=_accept, args=(self._server, woken), name=f"simulator {self.name}", daemon=True
            )
            self._accepting.start()

    def shut(self) -> None:
        """Stop listening, break all connections and keep the port; does nothing if it is shut."""
        with self._lock:
            if self._server is not None:
                self._stop_serving()
                self._held = _bound(self.name, *self._address)

    def close(self) -> None:
        """Stop listening, break all connections, wait for their threads and release the port."""
        with self._lock:
            if self._server is not None:
                self._stop_serving()
            if self._held is not None:
                self._held.close()
                self._held = None

    def _stop_serving(self) -> None:
        server, accepting, wake = self._server, self._accepting, self._wake
        self._server = self._accepting = self._wake = None
        if server is None or accepting is None or wake is None:
            return
        wake.close()  # the other end becomes readable, which ends the accepting thread
        accepting.join()
        server.break_connections()
        server.server_close()


class _BreakableServer(ThreadingHTTPServer):
    """The standard library's server on a socket that listens already; its connections can be broken."""

    daemon_threads = False  # closing the server then joins its threads
    timeout = 0  # do not wait for a connection that went away before it was accepted

    def __init__(self, listening: socket.socket, name: str, handler: ExchangeHandler) -> None:
        super().__init__(listening.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.name = name
        self.handler = handler
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()

    def process_request(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """Remember the connection so that it can be broken, and serve it in a thread of its own."""
        if isinstance(request, socket.socket):
            with self._connections_lock:
                self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Forget a connection that ends."""
        if isinstance(request, socket.socket):
            with self._connections_lock:
                self._connections.discard(request)
        super().shutdown_request(request)

    def break_connections(self) -> None:
        """Shut down all connections: their threads read an end or fail to write, and finish."""
        with self._connections_lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # the client was faster

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a client that went away; print anything else, which is a bug in the simulator."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # passed on unchanged


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "tstats-simulator"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = 10.0  # until an idle connection is closed: Traffic Monitor's default, and its polling interval
    server: _BreakableServer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the base class's
        """Print nothing: the requests are in the simulator's log."""

    def _exchange(self) -> None:
        handler, name = self.server.handler, self.server.name
        length = self.headers.get("Content-Length", "")
        request = HttpRequest(
            method=self.command,
            target=self.path,
            headers={key.lower(): value for key, value in self.headers.items()},
            body=self.rfile.read(int(length)) if length.isdecimal() else b"",
        )
        active = handler.begin(name, request)
        if active is None:
            response = handler.respond(name, request)
            last = self._head(response)
        else:
            active.pause(active.fault.delay_s)
            response = active.fault.instead or active.fault.alter(handler.respond(name, request))
            last = self._send_struck(self._head(response), active)
        with handler.sending(name, response):
            self.wfile.write(last)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _exchange  # noqa: N815  # the base class looks for these

    def _head(self, response: HttpResponse) -> bytes:
        """Send status and headers, and return the body as it goes over the wire."""
        body = response.body
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Vary", "Accept-Encoding")
        for header, value in response.headers:
            self.send_header(header, value)
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, compresslevel=1, mtime=0)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return body

    def _send_struck(self, body: bytes, active: ActiveFault) -> bytes:
        """Send a body as slowly as the fault says, and return its last piece, which is still to be sent.

        If the fault cuts the body, that piece ends in the middle of it.
        """
        if active.fault.cut:
            self.close_connection = True
            return body[: len(body) // 2]
        if not active.fault.drip_s:
            return body
        size = max(1, -(-len(body) // _DRIPS))
        while len(body) > size:
            self.wfile.write(body[:size])
            body = body[size:]
            active.pause(active.fault.drip_s / _DRIPS)
        return body


def _accept(server: _BreakableServer, woken: socket.socket) -> None:
    """Accept connections until the other end of `woken` is closed."""
    with woken, selectors.DefaultSelector() as selector:
        selector.register(server, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while not any(key.fileobj is woken for key, _ in selector.select()):
            server.handle_request()


def _bound(name: str, address: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if port:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address, port))
        # For port 0 only now: earlier, the system could choose a port that is bound but not listening.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    except (OSError, OverflowError) as error:
        bound.close()
        raise _taken(name, (address, port), error) from error
    return bound


def _taken(name: str, address: tuple[str, int], error: Exception) -> TstatsError:
    return TstatsError(
        f"the simulator cannot listen on port {address[1]} of {address[0]} for {name}: {error};"
        " choose another port with --port, or 0 for any free one"
    )
