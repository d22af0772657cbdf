"""What goes wrong on purpose; tests set it while the simulator runs."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Self

from tstats.simulator.exchange import TEXT, HttpResponse

ALL = "all"
TRAFFIC_OPS = "traffic_ops"

_HTML = b"<!DOCTYPE html><html><head><title>502</title></head><body><h1>Bad Gateway</h1></body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something wrong with the responses of a server; its class methods make the usual ones.

    Attributes:
        delay_s: seconds before the response begins.
        drip_s: seconds over which the body is spread.
        instead: the response to send without asking the application.
        edit: a function that turns the right body into another.
        content_type: the content type of the edited body; empty keeps the right one.
        cut: whether the connection closes in the middle of the announced body.
    """

    delay_s: float = 0.0
    drip_s: float = 0.0
    instead: HttpResponse | None = None
    edit: Callable[[bytes], bytes] | None = None
    content_type: str = ""
    cut: bool = False

    @classmethod
    def slow(cls, seconds: float) -> Self:
        """Respond as usual, after a wait."""
        return cls(delay_s=seconds)

    @classmethod
    def drip(cls, seconds: float) -> Self:
        """Send the body in small pieces over this time, so that no single read times out."""
        return cls(drip_s=seconds)

    @classmethod
    def status(
        cls, status: int = HTTPStatus.SERVICE_UNAVAILABLE, text: str = "Service Unavailable\n"
    ) -> Self:
        """Respond with a status and plain text; the request has no effect."""
        return cls(instead=HttpResponse(status=status, body=text.encode(), content_type=TEXT))

    @classmethod
    def truncated(cls) -> Self:
        """Send half of the JSON as if it were the whole: the HTTP is valid, the JSON is not."""
        return cls(edit=lambda body: body[: len(body) // 2])

    @classmethod
    def cut_off(cls) -> Self:
        """Announce the whole body, send half of it and close the connection."""
        return cls(cut=True)

    @classmethod
    def html(cls) -> Self:
        """Respond with 200 and a web page, as a proxy in between does."""
        return cls(edit=lambda _: _HTML, content_type="text/html")

    @classmethod
    def empty(cls) -> Self:
        """Respond with 200 and an empty body."""
        return cls(edit=lambda _: b"")

    @classmethod
    def body(cls, edit: Callable[[bytes], bytes]) -> Self:
        """Respond with what `edit` makes of the right body."""
        return cls(edit=edit)

    def alter(self, response: HttpResponse) -> HttpResponse:
        """Return `response` as this fault leaves it; with a wrong body, it no longer carries a feed."""
        if self.edit is not None:
            return replace(
                response,
                body=self.edit(response.body),
                content_type=self.content_type or response.content_type,
                feed=None,
            )
        return replace(response, feed=None) if self.cut else response


@dataclass(slots=True, kw_only=True, eq=False)
class ActiveFault:
    """A fault that was set.

    Attributes:
        fault: what goes wrong.
        path: only requests whose target contains this are struck; empty strikes all.
        left: how many more times it strikes; None for any number.
    """

    fault: Fault
    path: str
    left: int | None
    _over: threading.Event = field(default_factory=threading.Event)
    _abandoned: bool = False

    def pause(self, seconds: float) -> None:
        """Wait for so long, or until the fault ends.

        Raises:
            ConnectionAbortedError: the server went down meanwhile; nothing more must be sent.
        """
        self._over.wait(seconds)
        if self._abandoned:
            raise ConnectionAbortedError

    def end(self) -> None:
        """Let the responses that wait go on at once."""
        self._over.set()

    def abandon(self) -> None:
        """Let the responses that wait end without another byte."""
        self._abandoned = True
        self._over.set()


class Faults:
    """The faults of all servers of a simulator, by server: `traffic_ops`, a monitor's name, or `all`.

    Every method may be called from any thread at any time and affects later requests.
    """

    def __init__(self, servers: Iterable[str], *, listen: Callable[[str, bool], None]) -> None:
        """Take the names of the servers, and the function that makes a server start or stop listening."""
        self._lock = threading.Lock()
        self._active: dict[str, list[ActiveFault]] = {server: [] for server in servers}
        self._abandoned: set[str] = set()
        self._listen = listen
        self._session_calls: int | None = None

    @property
    def session_calls(self) -> int | None:
        """The number of calls after which a session of Traffic Ops expires; None for never."""
        return self._session_calls

    def set(self, server: str, fault: Fault, *, path: str = "", times: int | None = None) -> None:
        """Set a fault; among those that match a request, the last one set strikes.

        Args:
            server: `traffic_ops`, a monitor's name, or `all`.
            fault: what goes wrong.
            path: strike only requests whose path with query contains this.
            times: strike only so many times on each server.

        Raises:
            ValueError: there is no such server.
        """
        for name in self._names(server):
            with self._lock:
                self._active[name].insert(0, ActiveFault(fault=fault, path=path, left=times))

    def clear(self, server: str = ALL) -> None:
        """End the faults of a server, including those that hold responses now; bring it up if it is down.

        Clearing all servers also stops sessions from expiring.

        Raises:
            ValueError: there is no such server.
            TstatsError: another process took a port while the server was down.
        """
        for name in self._names(server):
            with self._lock:
                ended, self._active[name] = self._active[name], []
            for active in ended:
                active.end()
        if server == ALL:
            self._session_calls = None
        self.up(server)

    def down(self, server: str = ALL) -> None:
        """Stop listening and break all connections: clients are refused until `up`.

        The other faults of the server stay in place for when it is up again.

        Raises:
            ValueError: there is no such server.
        """
        for name in self._names(server):
            self.abandon(name)
            self._listen(name, False)

    def up(self, server: str = ALL) -> None:
        """Listen again on the same port; does nothing if the server is up.

        Raises:
            ValueError: there is no such server.
            TstatsError: another process took the port.
        """
        for name in self._names(server):
            with self._lock:
                self._abandoned.discard(name)
            self._listen(name, True)

    def abandon(self, server: str = ALL) -> None:
        """Until `up`, drop the responses that a fault holds back and begin no others.

        For `down` and for the end of the simulator: a response that waits would keep its connection open.

        Raises:
            ValueError: there is no such server.
        """
        for name in self._names(server):
            with self._lock:
                self._abandoned.add(name)
                waiting = self._active[name]
                self._active[name] = [
                    ActiveFault(fault=active.fault, path=active.path, left=active.left) for active in waiting
                ]
            for active in waiting:
                active.abandon()

    def expire_sessions_after(self, calls: int | None) -> None:
        """Expire every session of Traffic Ops, old or new, after so many calls; None ends that."""
        self._session_calls = calls

    def strike(self, server: str, target: str) -> ActiveFault | None:
        """Return the fault for this request and count it; None if all is well.

        Raises:
            ConnectionAbortedError: the server is going down; the request must not be answered.
        """
        with self._lock:
            if server in self._abandoned:
                raise ConnectionAbortedError
            for active in self._active[server]:
                if active.left == 0 or active.path not in target:
                    continue  # a used-up fault stays, since a response may still be waiting for it
                if active.left is not None:
                    active.left -= 1
                return active
        return None

    def _names(self, server: str) -> tuple[str, ...]:
        if server == ALL:
            return tuple(self._active)
        if server not in self._active:
            raise ValueError(f"no server {server!r}; there are {', '.join(self._active)} and {ALL}")
        return (server,)
