"""The whole simulator: Traffic Ops and all monitors of a world, each on its own loopback port."""

import ipaddress
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from tstats.errors import TstatsError
from tstats.simulator.exchange import Application, HttpRequest, HttpResponse
from tstats.simulator.exchange_log import ExchangeLog, LoggedRequest, ServedFeed
from tstats.simulator.faults import TRAFFIC_OPS, ActiveFault, Faults
from tstats.simulator.inventory import SimulatedInventory
from tstats.simulator.listener import Listener
from tstats.simulator.sessions import SimulatedUser
from tstats.simulator.summaries import StatsSummaryTable
from tstats.simulator.traffic_monitor import SimulatedTrafficMonitor
from tstats.simulator.traffic_ops import VERSIONS, SimulatedTrafficOps
from tstats.simulator.world import World

DEFAULT_USER = "admin"
DEFAULT_PASSWORD = "twelve12"  # noqa: S105 (published: what it opens is made up)
ADMIN = SimulatedUser(name=DEFAULT_USER, password=DEFAULT_PASSWORD)
LOOPBACK = "127.0.0.1"
_LAST_PORT = 65_535


class Simulator:
    """A Traffic Ops and the Traffic Monitors of its CDNs; a context manager that serves inside `with`.

    It serves on loopback in threads of this process. Leaving the context breaks all connections and waits
    for all threads.

    Attributes:
        world: what is simulated.
        faults: what goes wrong; may be set and cleared at any time.
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
        users: Sequence[SimulatedUser] = (ADMIN,),
        keep_bodies: bool = False,
    ) -> None:
        """Describe a simulator; ports are taken when the context is entered.

        Args:
            world: what to simulate.
            port: the port of Traffic Ops; the monitors take the ports after it. 0 takes any free ones.
            clock: returns seconds since the epoch; the traffic and all logged times follow it.
            address: an IPv4 loopback address.
            versions: the API versions that Traffic Ops speaks.
            users: the users of Traffic Ops; `user` and `password` are those of the first.
            keep_bodies: whether `served` keeps each body, which takes memory without bound.

        Raises:
            TstatsError: the address is not on loopback, or there are more monitors than ports.
        """
        if not _is_loopback(address):
            raise TstatsError(f"the simulator serves on loopback only, not on {address}")
        if port and port + len(world.monitors) > _LAST_PORT:
            raise TstatsError(f"there are not enough ports after {port} for {len(world.monitors)} monitors")
        self.world = world
        self.user = users[0].name
        self.password = users[0].password
        self._users = tuple(users)
        self._port = port
        self._clock = clock
        self._address = address
        self._versions = tuple(versions)
        self._keep_bodies = keep_bodies
        self._log = ExchangeLog()
        self._listeners: dict[str, Listener] = {}
        self._applications: dict[str, Application] = {}
        self._traffic_ops: SimulatedTrafficOps | None = None
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
    def requests(self) -> tuple[LoggedRequest, ...]:
        """The last 10,000 requests, oldest first; each is logged before it is answered."""
        return self._log.requests

    @property
    def served(self) -> tuple[ServedFeed, ...]:
        """All feeds of monitors that were sent to the last byte, oldest first.

        Feeds that a fault changed or cut are not included. A feed that is included was handed to the
        system, not necessarily read by the client; but every feed that a client has read is included.
        """
        return self._log.served

    @property
    def summaries(self) -> StatsSummaryTable:
        """The rows of Traffic Ops' stats_summary, to read and to fill.

        Raises:
            RuntimeError: the simulator was never entered.
        """
        return self._entered().summaries

    def expire_sessions(self) -> None:
        """End all current sessions: their next call is answered with 401, and a new login works.

        Raises:
            RuntimeError: the simulator was never entered.
        """
        self._entered().sessions.expire()

    def wait_until(self, enough: Callable[[], bool], *, timeout_s: float = 10.0) -> bool:
        """Wait until `enough` returns true; it is called again after each request and each served feed.

        Returns:
            Whether it returned true within `timeout_s` seconds.
        """
        return self._log.wait(enough, timeout_s)

    def begin(self, server: str, request: HttpRequest) -> ActiveFault | None:
        """Log a request; for the listeners."""
        self._log.add_request(
            LoggedRequest(time=self._clock(), server=server, method=request.method, path=request.target)
        )
        return self.faults.strike(server, request.target)

    def respond(self, server: str, request: HttpRequest) -> HttpResponse:
        """Return the right response; for the listeners."""
        return self._applications[server].respond(request)

    @contextmanager
    def sending(self, server: str, response: HttpResponse) -> Iterator[None]:
        """Log a feed whose last piece is sent in this block; for the listeners."""
        with self._log.sending():
            yield
            if response.feed is not None:
                self._log.add_served(
                    ServedFeed(
                        cdn=response.feed.cdn,
                        monitor=server,
                        feed=response.feed.feed,
                        served_at=self._clock(),
                        newest_ms=response.feed.newest_ms,
                        body=response.body if self._keep_bodies else None,
                    )
                )

    def _take_ports(self) -> None:
        names = (TRAFFIC_OPS, *(monitor.name for monitor in self.world.monitors))
        for position, name in enumerate(names):
            self._listeners[name] = Listener(
                name,
                address=self._address,
                port=self._port + position if self._port else 0,
                handler=self,
            )

    def _make_applications(self) -> None:
        ports = {name: listener.port for name, listener in self._listeners.items()}
        self._traffic_ops = SimulatedTrafficOps(
            SimulatedInventory(self.world, address=self._address, ports=ports),
            faults=self.faults,
            versions=self._versions,
            users=self._users,
        )
        self._applications[TRAFFIC_OPS] = self._traffic_ops
        for monitor in self.world.monitors:
            self._applications[monitor.name] = SimulatedTrafficMonitor(self.world, monitor, self._clock)

    def _close(self) -> None:
        self.faults.abandon()
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()

    def _set_listening(self, server: str, listening: bool) -> None:  # noqa: FBT001 (the only state of a callback)
        listener = self._listeners.get(server)
        if listener is None:
            raise RuntimeError("the simulator must be entered before its servers can go down or up")
        if listening:
            listener.open()
        else:
            listener.shut()

    def _url(self, server: str) -> str:
        if server not in self._listeners:
            raise RuntimeError("a simulator has URLs only inside its `with` block")
        return f"http://{self._address}:{self._listeners[server].port}"

    def _entered(self) -> SimulatedTrafficOps:
        if self._traffic_ops is None:
            raise RuntimeError("the simulator was never entered")
        return self._traffic_ops


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.IPv4Address(address).is_loopback
    except ValueError:
        return False
