"""What was recorded of the real systems.

The recordings are no part of this repository: where they lie beside it, they are used.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.support.ports import on_free_ports
from tests.support.program import Program

ORACLE = Path(__file__).parents[3] / "shared" / "oracle"
needs_oracle = pytest.mark.skipif(
    not ORACLE.is_dir(), reason="the recorded exchanges (../shared/oracle) are not here"
)


@contextmanager
def recorded_traffic_ops(log: Path) -> Iterator[str]:
    """The URL of a Traffic Ops that answers with recorded bodies, as long as the block runs."""

    def started(ports: range) -> tuple[str, Program]:
        url = f"http://127.0.0.1:{ports.start}"
        program = Program([sys.executable, ORACLE / "fake_traffic_ops.py", str(ports.start)], log=log)
        program.start_until(lambda: _answers(url), "the recorded Traffic Ops to answer")
        return url, program

    url, program = on_free_ports(started)
    try:
        yield url
    finally:
        program.stop()


def replay(url: str, cases: str) -> str:
    """Ask an API what is in a file of recorded cases; return the last line of the result."""
    ended = subprocess.run(
        [sys.executable, ORACLE / "replay.py", url, ORACLE / cases],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.stdout, ended.stderr
    return ended.stdout.splitlines()[-1]


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/api/5.0/ping", timeout=10).ok
    except requests.ConnectionError:
        return False
