"""What the benches have in common: servers, options, and a measured figure printed beside its budget."""

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from tests.support.influxd import Influxd
from tstats.catalog import DATABASES
from tstats.influx.client import Endpoint, Influx
from tstats.schema.provision import catalog_schema, provision

TIMEOUT = 600  # seconds for one request to InfluxDB


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of options that describes a bench by its docstring."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


@contextmanager
def running_influxd(settings: Mapping[str, str] | None = None) -> Iterator[Influx]:
    """A connection to an empty influxd that runs as long as the block.

    Args:
        settings: further settings as influxd's environment names them (`INFLUXDB_…`).
    """
    with (
        tempfile.TemporaryDirectory(prefix="tstats-bench-") as folder,
        Influxd(Path(folder), settings=settings) as server,
        closing(connected(server)) as influx,
    ):
        yield influx


def connected(server: Influxd) -> Influx:
    """Return a connection to a server."""
    return Influx(Endpoint(url=server.url, timeout=TIMEOUT), connections=16)


def make_databases(influx: Influx) -> None:
    """Create the databases, retention policies and continuous queries of the catalog."""
    provision(influx, catalog_schema(DATABASES, replication=1), allow_data_loss=False, apply=True)


def write_lines(influx: Influx, lines: list[str], *, database: str, policy: str) -> None:
    """Write points in line protocol, in bodies of 20,000."""
    for start in range(0, len(lines), 20_000):
        body = "\n".join(lines[start : start + 20_000]).encode()
        influx.write(body, database=database, policy=policy)


def settle() -> None:
    """Give the server time to write its files."""
    time.sleep(3)


def peak_memory(process: int) -> float:
    """Return the most memory that a process has had so far, in MB; 0 when it has ended.

    This is the process's own figure; that of getrusage includes the memory of the process that started it.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    lines = (line.split() for line in status.splitlines())
    return next((int(words[1]) / 1024 for words in lines if words[0] == "VmHWM:"), 0.0)


def detail(what: str, figure: str) -> None:
    """Print a figure that has no budget."""
    print(f"  {what:<48} {figure}", flush=True)


def measured(what: str, figure: float, budget: float, *, unit: str = "", at_least: bool = False) -> None:
    """Print a figure, its budget, and whether it is within the budget.

    Args:
        what: what was measured.
        figure: the median of the rounds, in `unit`.
        budget: the highest figure allowed, or the lowest with `at_least`.
        unit: printed behind both.
        at_least: whether more is better.
    """
    within = figure >= budget if at_least else figure <= budget
    sign = "≥" if at_least else "≤"
    verdict = "ok" if within else "MISSED"
    print(f"  {what:<48} {figure:8.3g}{unit} / {sign} {budget:g}{unit}  {verdict}", flush=True)
