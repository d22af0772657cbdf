"""The command `tstats simulate`."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path  # noqa: TC003  # Typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from tstats.errors import TstatsError
from tstats.simulator.server import Simulator
from tstats.simulator.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

DEFAULT_PORT = 8443


class Output(StrEnum):
    """How the command says where it listens."""

    TEXT = "text"
    JSON = "json"


def simulate(  # noqa: PLR0913  # one argument an option of the command
    *,
    port: Annotated[
        int,
        typer.Option(
            min=0,
            max=65535,
            help="Port of Traffic Ops; the monitors take those that follow. 0: any free ones.",
        ),
    ] = DEFAULT_PORT,
    cdns: Annotated[int, typer.Option(min=1, help="Number of CDNs.")] = 2,
    caches: Annotated[int, typer.Option(min=1, help="Caches of each CDN; every fifth is a MID.")] = 12,
    delivery_services: Annotated[int, typer.Option(min=1, help="Delivery services of each CDN.")] = 8,
    cachegroups: Annotated[int, typer.Option(min=1, help="Cachegroups, shared by the CDNs.")] = 6,
    monitors: Annotated[int, typer.Option(min=1, help="Traffic Monitors of each CDN.")] = 2,
    seed: Annotated[int, typer.Option(help="The same seed gives the same world and traffic.")] = 1,
    output: Annotated[Output, typer.Option(help="json: one line for scripts.")] = Output.TEXT,
    write_cfg: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a traffic_stats.cfg that points here.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Let --write-cfg overwrite the file.")] = False,
) -> None:
    """Run a Traffic Ops and Traffic Monitors with made-up traffic, to try tstats without a CDN.

    Everything is served by this process on 127.0.0.1 over plain http, until Ctrl-C or SIGTERM. The traffic
    looks like that of a real CDN: it peaks in the evening (UTC), and one cache of cdn1 fails now and then.
    Traffic Ops knows one user: admin, password twelve12. What is posted to it is kept in memory only.

    Example: `tstats simulate --write-cfg traffic_stats.cfg`, and in another terminal
    `tstats collect --cfg traffic_stats.cfg`, with an InfluxDB on http://localhost:8086.

    Exit status: 0 when it was stopped, 1 when a port is taken or the file cannot be written, 2 for wrong
    options.
    """
    world = World.build(
        cdns=cdns,
        caches=caches,
        delivery_services=delivery_services,
        cachegroups=cachegroups,
        monitors=monitors,
        seed=seed,
    )
    # The signals are caught first: a script that stops us while we start gets status 0 as well.
    with _stop_signals() as stopped, Simulator(world, port=port) as simulator:
        if write_cfg is not None:
            _write_cfg(write_cfg, simulator, overwrite=force)
        typer.echo(_as_json(simulator) if output is Output.JSON else _as_text(simulator, write_cfg))
        stopped.wait()


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """Give an event that SIGINT and SIGTERM set; what they did before is put back at the end."""
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _write_cfg(path: Path, simulator: Simulator, *, overwrite: bool) -> None:
    """Write a configuration for the collector.

    Raises:
        TstatsError: the file is there and must not be overwritten, or cannot be written.
    """
    cfg = {
        "toUrl": simulator.traffic_ops_url,
        "toUser": simulator.user,
        "toPasswd": simulator.password,
        "influxUrls": ["http://localhost:8086"],
        "statusToMon": "ONLINE",
        "cacheRetentionPolicy": "daily",
        "dsRetentionPolicy": "daily",
        "dailySummaryRetentionPolicy": "indefinite",
    }
    text = msgspec.json.format(msgspec.json.encode(cfg), indent=2) + b"\n"
    try:
        with path.open("wb" if overwrite else "xb") as file:
            file.write(text)
    except FileExistsError as error:
        raise TstatsError(f"{path} is there already; overwrite it with --force or name another.") from error
    except OSError as error:
        raise TstatsError(f"{path} cannot be written: {error.strerror}.") from error


def _as_json(simulator: Simulator) -> str:
    line = {
        "trafficOps": simulator.traffic_ops_url,
        "user": simulator.user,
        "password": simulator.password,
        "monitors": simulator.monitor_urls,
    }
    return msgspec.json.encode(line).decode()


def _as_text(simulator: Simulator, cfg: Path | None) -> str:
    lines = [
        f"Traffic Ops  {simulator.traffic_ops_url}  user {simulator.user}, password {simulator.password}",
    ]
    for cdn, urls in simulator.monitor_urls.items():
        lines += [f"Monitor      {url}  of {cdn}" for url in urls]
    if cfg is not None:
        lines.append(f"Collect with: tstats collect --cfg {cfg}")
    lines.append("Stop with Ctrl-C.")
    return "\n".join(lines)
