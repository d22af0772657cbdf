"""What goes wrong on purpose: set from a test while the simulator runs."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from tstats.simulator.exchange import TEXT, Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ALL = "all"
TRAFFIC_OPS = "traffic_ops"

_HTML = b"<!DOCTYPE html><html><head><title>502</title></head><body><h1>Bad Gateway</h1></body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong with the answers of a server; made by its class methods.

    Attributes:
        delay_s: seconds before anything is answered.
        drip_s: seconds over which the body is spread.
        instead: given in place of the application's answer, which is then not asked.
        edit: makes another body of the right one.
        content_type: of the edited body; empty keeps the right one.
        cut: whether the connection closes in the middle of the body that was announced.
    """

    delay_s: float = 0.0
    drip_s: float = 0.0
    instead: Answer | None = None
    edit: Callable[[bytes], bytes] | None = None
    content_type: str = ""
    cut: bool = False

    @classmethod
    def slow(cls, seconds: float) -> Self:
        """Answer as usual, after a wait."""
        return cls(delay_s=seconds)

    @classmethod
    def drip(cls, seconds: float) -> Self:
        """Send the body in small pieces over this time: each arrives before a read times out."""
        return cls(drip_s=seconds)

    @classmethod
    def status(cls, status: int = 503, text: str = "Service Unavailable\n") -> Self:
        """Answer with a status and plain text; the request has no effect."""
        return cls(instead=Answer(status=status, body=text.encode(), content_type=TEXT))

    @classmethod
    def truncated(cls) -> Self:
        """Send half of the JSON as if it were all: HTTP is in order, the JSON is not."""
        return cls(edit=lambda body: body[: len(body) // 2])

    @classmethod
    def cut_off(cls) -> Self:
        """Announce the whole body, send half of it and close the connection."""
        return cls(cut=True)

    @classmethod
    def html(cls) -> Self:
        """Answer 200 with a web page, as a proxy in between does."""
        return cls(edit=lambda _: _HTML, content_type="text/html")

    @classmethod
    def empty(cls) -> Self:
        """Answer 200 with nothing."""
        return cls(edit=lambda _: b"")

    @classmethod
    def body(cls, edit: Callable[[bytes], bytes]) -> Self:
        """Answer with what `edit` makes of the right body."""
        return cls(edit=edit)

    def alter(self, answer: Answer) -> Answer:
        """Return `answer` as this fault leaves it; what is no longer the right body is no sample."""
        if self.edit is not None:
            return replace(
                answer,
                body=self.edit(answer.body),
                content_type=self.content_type or answer.content_type,
                sample=None,
            )
        return replace(answer, sample=None) if self.cut else answer


@dataclass(slots=True, kw_only=True, eq=False)
class Active:
    """A fault that was set.

    Attributes:
        path: a part of the requests' targets that it is for; empty is for all.
        left: how often it still strikes; None is without end.
    """

    fault: Fault
    path: str
    left: int | None
    _over: threading.Event = field(default_factory=threading.Event)
    _abandoned: bool = False

    def pause(self, seconds: float) -> None:
        """Wait as the fault says, or until it ends.

        Raises:
            ConnectionAbortedError: the server went down meanwhile; nothing more is to be sent.
        """
        self._over.wait(seconds)
        if self._abandoned:
            raise ConnectionAbortedError

    def end(self) -> None:
        """Let the answers that wait go on at once."""
        self._over.set()

    def abandon(self) -> None:
        """Let the answers that wait end without another byte."""
        self._abandoned = True
        self._over.set()


class Faults:
    """The faults of all servers of a simulator, by server: `traffic_ops`, a monitor's name, or `all`.

    Every method can be called from any thread at any time and holds for the requests that come after.
    """

    def __init__(self, servers: Iterable[str], *, listen: Callable[[str, bool], None]) -> None:
        """Take the names of the servers and the function that makes one listen or stop listening."""
        self._lock = threading.Lock()
        self._active: dict[str, list[Active]] = {server: [] for server in servers}
        self._abandoned: set[str] = set()
        self._listen = listen
        self._session_calls: int | None = None

    @property
    def session_calls(self) -> int | None:
        """After how many calls a session of Traffic Ops dies; None for never."""
        return self._session_calls

    def set(self, server: str, fault: Fault, *, path: str = "", times: int | None = None) -> None:
        """Set a fault; of those that match a request, the one set last strikes.

        Args:
            server: `traffic_ops`, a monitor's name, or `all`.
            fault: what goes wrong.
            path: only requests whose path with query contains this.
            times: strike only so often (on each server), then no more.

        Raises:
            ValueError: there is no such server.
        """
        for name in self._names(server):
            with self._lock:
                self._active[name].insert(0, Active(fault=fault, path=path, left=times))

    def clear(self, server: str = ALL) -> None:
        """End the faults of a server, also those waiting now; one that is down comes back.

        Clearing all also lets sessions live on.

        Raises:
            ValueError: there is no such server.
            TstatsError: a port was taken by another process while the server was down.
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

        The other faults of the server stay, for when it is up again.

        Raises:
            ValueError: there is no such server.
        """
        for name in self._names(server):
            self.abandon(name)
            self._listen(name, False)

    def up(self, server: str = ALL) -> None:
        """Listen again, on the same port; nothing happens to a server that is up.

        Raises:
            ValueError: there is no such server.
            TstatsError: the port was taken by another process.
        """
        for name in self._names(server):
            with self._lock:
                self._abandoned.discard(name)
            self._listen(name, True)

    def abandon(self, server: str = ALL) -> None:
        """Until `up`, end every answer that a fault holds back and begin no other; for `down` and the end.

        Otherwise an answer that waits would hold up the end of its connection.

        Raises:
            ValueError: there is no such server.
        """
        for name in self._names(server):
            with self._lock:
                self._abandoned.add(name)
                waiting = self._active[name]
                self._active[name] = [
                    Active(fault=active.fault, path=active.path, left=active.left) for active in waiting
                ]
            for active in waiting:
                active.abandon()

    def expire_sessions_after(self, calls: int | None) -> None:
        """Let every session of Traffic Ops, old or new, die after so many calls; None ends that."""
        self._session_calls = calls

    def strike(self, server: str, target: str) -> Active | None:
        """Return the fault for this request and count it; None when all is well.

        Raises:
            ConnectionAbortedError: the server is going down; the request is not to be answered.
        """
        with self._lock:
            if server in self._abandoned:
                raise ConnectionAbortedError
            for active in self._active[server]:
                if active.left == 0 or active.path not in target:
                    continue  # one that struck its last time stays, since an answer may still wait for it
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
