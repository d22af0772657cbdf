"""Runs the installed commands as a user does."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def command(name: str) -> str:
    """Return the path of an installed console script.

    Raises:
        RuntimeError: it is not installed; the text says how to install it.
    """
    path = shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if path is None:
        raise RuntimeError(f"{name} is not installed: pip install --editable . (scripts/setup does it)")
    return path


def run(
    name: str, *arguments: str, environment: Mapping[str, str] | None = None, seconds: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return its exit status, stdout and stderr; its stdin is not a terminal.

    Args:
        name: of the console script.
        arguments: as on a command line.
        environment: variables in addition to PATH and HOME; it sees no others of this process.
        seconds: when it takes longer, it is killed and the test fails.
    """
    return subprocess.run(
        [command(name), *arguments],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
