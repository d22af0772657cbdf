"""The command `tstats simulate`."""

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from tstats.command.app import new_app
from tstats.command.options import OutputFormat
from tstats.command.output import Output, print_json
from tstats.errors import TstatsError

if TYPE_CHECKING:
    from tstats.simulator.server import Simulator

app = new_app()


@app.command()
def simulate(  # noqa: PLR0913 (one argument per option)
    *,
    port: Annotated[
        int,
        typer.Option(
            min=0,
            max=65535,
            help="Port of Traffic Ops; the monitors use those that follow. 0: any free ports.",
        ),
    ] = 8443,
    cdns: Annotated[int, typer.Option(min=1, help="Number of CDNs.")] = 2,
    caches: Annotated[int, typer.Option(min=1, help="Caches per CDN; every fifth is a MID.")] = 12,
    delivery_services: Annotated[int, typer.Option(min=1, help="Delivery services per CDN.")] = 8,
    cachegroups: Annotated[int, typer.Option(min=1, help="Cache groups, shared by the CDNs.")] = 6,
    monitors: Annotated[int, typer.Option(min=1, help="Traffic Monitors per CDN.")] = 2,
    seed: Annotated[int, typer.Option(help="The same seed gives the same CDNs and traffic.")] = 1,
    output: OutputFormat = Output.TEXT,
    write_cfg: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a traffic_stats.cfg that points here.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Let --write-cfg overwrite the file.")] = False,
) -> None:
    """Simulate a CDN, to try tstats without one.

    A Traffic Ops and Traffic Monitors are served by this process on 127.0.0.1 over plain http, until Ctrl-C
    or SIGTERM. The traffic resembles that of a real CDN: it peaks in the evening (UTC), and one cache of cdn1
    fails now and then. Traffic Ops knows one user, admin, with the password twelve12. What is posted to it is
    kept in memory only.

    Example: `tstats simulate --write-cfg traffic_stats.cfg`, and in another terminal
    `tstats collect --cfg traffic_stats.cfg`, with an InfluxDB on http://localhost:8086.

    Exit status: 0 stopped; 1 a port is taken, or the file cannot be written; 2 wrong usage.
    """
    from tstats.simulator.server import Simulator
    from tstats.simulator.world import World

    world = World.build(
        cdns=cdns,
        caches=caches,
        delivery_services=delivery_services,
        cachegroups=cachegroups,
        monitors=monitors,
        seed=seed,
    )
    # Signals are handled first: a script that stops us during the start gets status 0, too.
    with _stop_signals() as stopped, Simulator(world, port=port) as simulator:
        if write_cfg is not None:
            _write_cfg(write_cfg, simulator, overwrite=force)
        if output is Output.JSON:
            print_json(_as_json(simulator), indent=None)
        else:
            typer.echo(_as_text(simulator, write_cfg))
        stopped.wait()


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """Yield an event that SIGINT and SIGTERM set; restore the previous handlers at the end."""
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _write_cfg(path: Path, simulator: "Simulator", *, overwrite: bool) -> None:
    """Write a configuration for the collector.

    Raises:
        TstatsError: the file exists and must not be overwritten, or cannot be written.
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
    try:
        with path.open("w" if overwrite else "x", encoding="utf-8") as file:
            file.write(json.dumps(cfg, indent=2) + "\n")
    except FileExistsError as error:
        raise TstatsError(f"{path} exists; choose another name, or --force to overwrite it") from error
    except OSError as error:
        raise TstatsError(f"{path} cannot be written: {error.strerror}") from error


def _as_json(simulator: "Simulator") -> dict[str, object]:
    return {
        "trafficOps": simulator.traffic_ops_url,
        "user": simulator.user,
        "password": simulator.password,
        "monitors": simulator.monitor_urls,
    }


def _as_text(simulator: "Simulator", cfg: Path | None) -> str:
    lines = [
        f"Traffic Ops  {simulator.traffic_ops_url}  user {simulator.user}, password {simulator.password}",
    ]
    for cdn, urls in simulator.monitor_urls.items():
        lines += [f"Monitor      {url}  of {cdn}" for url in urls]
    if cfg is not None:
        lines.append(f"Collect with: tstats collect --cfg {cfg}")
    lines.append("Stop with Ctrl-C.")
    return "\n".join(lines)
