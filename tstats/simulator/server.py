"""The whole simulator: one Traffic Ops and all monitors of a world, each on a loopback port of its own."""

from __future__ import annotations

import ipaddress
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from tstats.errors import TstatsError
from tstats.simulator.exchange_log import Asked, Record, Served
from tstats.simulator.faults import TRAFFIC_OPS, Active, Faults
from tstats.simulator.inventory import Inventory
from tstats.simulator.listener import Listener
from tstats.simulator.sessions import User
from tstats.simulator.traffic_monitor import TrafficMonitor
from tstats.simulator.traffic_ops import VERSIONS, TrafficOps

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from types import TracebackType

    from tstats.simulator.exchange import Answer, Application, Request
    from tstats.simulator.summaries import Summaries
    from tstats.simulator.world import World

DEFAULT_USER = "admin"
DEFAULT_PASSWORD = "twelve12"  # noqa: S105  # published: what it opens is made up
ADMIN = User(name=DEFAULT_USER, password=DEFAULT_PASSWORD)
LOOPBACK = "127.0.0.1"
_LAST_PORT = 65_535


class Simulator:
    """A Traffic Ops and the Traffic Monitors of its CDNs; a context manager that serves inside `with`.

    It serves on loopback in threads of this process. Leaving the context breaks all connections and waits
    for all threads.

    Attributes:
        world: what is simulated.
        faults: what goes wrong; to be set and cleared at any time.
        user: the first user of Traffic Ops.
        password: the password of that user.
    """

    def __init__(
        self,
        world: World,
        *,
        port: int = 0,
        clock: Callable[[], float] = time.time,
        address: str = LOOPBACK,
        versions: Collection[str] = VERSIONS,
        users: Sequence[User] = (ADMIN,),
        keep_bodies: bool = False,
    ) -> None:
        """Describe a simulator; ports are taken when the context is entered.

        Args:
            world: what to simulate.
            port: Traffic Ops' port, the monitors take those that follow; 0 takes any free ones.
            clock: returns seconds since the epoch; the traffic and all recorded times follow it.
            address: an IPv4 loopback address.
            versions: the API versions that Traffic Ops speaks.
            users: of Traffic Ops; `user` and `password` are those of the first.
            keep_bodies: whether `served` keeps each body, which takes memory without bound.

        Raises:
            TstatsError: the address is not on loopback, or there are more monitors than ports.
        """
        if not _is_loopback(address):
            raise TstatsError(f"The simulator serves on loopback only, not on {address}.")
        if port and port + len(world.monitors) > _LAST_PORT:
            raise TstatsError(f"Behind port {port} there are not enough for {len(world.monitors)} monitors.")
        self.world = world
        self.user = users[0].name
        self.password = users[0].password
        self._users = tuple(users)
        self._port = port
        self._clock = clock
        self._address = address
        self._versions = tuple(versions)
        self._keep_bodies = keep_bodies
        self._record = Record()
        self._listeners: dict[str, Listener] = {}
        self._applications: dict[str, Application] = {}
        self._traffic_ops: TrafficOps | None = None
        self.faults = Faults(
            (TRAFFIC_OPS, *(monitor.name for monitor in world.monitors)), listen=self._set_listening
        )

    def __enter__(self) -> Self:
        """Take the ports and serve.

        Raises:
            TstatsError: a port is taken; the text names it.
        """
        try:
            self._take_ports()
            self._make_applications()
            self.faults.up()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving, also in the middle of an answer, and wait for the threads."""
        self._close()

    @property
    def traffic_ops_url(self) -> str:
        """The URL of Traffic Ops, without a path."""
        return self._url(TRAFFIC_OPS)

    @property
    def monitor_urls(self) -> dict[str, list[str]]:
        """The URLs of the monitors by CDN, in the order of `Cdn.monitors`."""
        return {cdn.name: [self._url(monitor.name) for monitor in cdn.monitors] for cdn in self.world.cdns}

    @property
    def requests(self) -> tuple[Asked, ...]:
        """The last 10,000 requests, oldest first; each is noted before it is answered."""
        return self._record.asked

    @property
    def served(self) -> tuple[Served, ...]:
        """All monitors' bodies that were sent to the last byte, oldest first.

        A body that a fault changed or cut is not among them. That the last byte was sent says that the
        system took it, not that the client has read it; but what a client has read is among them.
        """
        return self._record.served

    @property
    def summaries(self) -> Summaries:
        """The rows of Traffic Ops' stats_summary, to look at and to fill.

        Raises:
            RuntimeError: the simulator was never entered.
        """
        return self._entered().summaries

    def expire_sessions(self) -> None:
        """End all sessions of now: their next call is answered 401, and a new login works.

        Raises:
            RuntimeError: the simulator was never entered.
        """
        self._entered().sessions.expire()

    def wait_until(self, enough: Callable[[], bool], *, timeout_s: float = 10.0) -> bool:
        """Wait until `enough` holds; it is asked again after each request and each served body.

        Returns:
            whether it held within `timeout_s` seconds.
        """
        return self._record.wait(enough, timeout_s)

    def begin(self, server: str, request: Request) -> Active | None:
        """Note a request; for the listeners."""
        self._record.add_asked(
            Asked(time=self._clock(), server=server, method=request.method, path=request.target)
        )
        return self.faults.strike(server, request.target)

    def answer(self, server: str, request: Request) -> Answer:
        """Return the right answer; for the listeners."""
        return self._applications[server].answer(request)

    @contextmanager
    def finishing(self, server: str, answer: Answer) -> Iterator[None]:
        """Note an answer of which the last piece is sent in this block; for the listeners."""
        with self._record.finishing():
            yield
            if answer.sample is not None:
                self._record.add_served(
                    Served(
                        cdn=answer.sample.cdn,
                        monitor=server,
                        feed=answer.sample.feed,
                        served_at=self._clock(),
                        newest_ms=answer.sample.newest_ms,
                        body=answer.body if self._keep_bodies else None,
                    )
                )

    def _take_ports(self) -> None:
        names = (TRAFFIC_OPS, *(monitor.name for monitor in self.world.monitors))
        for position, name in enumerate(names):
            self._listeners[name] = Listener(
                name,
                address=self._address,
                port=self._port + position if self._port else 0,
                exchanges=self,
            )

    def _make_applications(self) -> None:
        ports = {name: listener.port for name, listener in self._listeners.items()}
        self._traffic_ops = TrafficOps(
            Inventory(self.world, address=self._address, ports=ports),
            faults=self.faults,
            versions=self._versions,
            users=self._users,
        )
        self._applications[TRAFFIC_OPS] = self._traffic_ops
        for monitor in self.world.monitors:
            self._applications[monitor.name] = TrafficMonitor(self.world, monitor, self._clock)

    def _close(self) -> None:
        self.faults.abandon()
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()

    def _set_listening(self, server: str, listening: bool) -> None:  # noqa: FBT001  # a callback's one state
        listener = self._listeners.get(server)
        if listener is None:
            raise RuntimeError("a simulator has to be entered before its servers can go down or up")
        if listening:
            listener.open()
        else:
            listener.shut()

    def _url(self, server: str) -> str:
        if server not in self._listeners:
            raise RuntimeError("a simulator has URLs only inside its `with`")
        return f"http://{self._address}:{self._listeners[server].port}"

    def _entered(self) -> TrafficOps:
        if self._traffic_ops is None:
            raise RuntimeError("the simulator was never entered")
        return self._traffic_ops


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.IPv4Address(address).is_loopback
    except ValueError:
        return False
