"""Runs the installed commands as a user does."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def command(name: str) -> str:
    """The path of an installed console script.

    Raises:
        RuntimeError: it is not installed; the text says how to.
    """
    path = shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if path is None:
        raise RuntimeError(f"{name} is not installed: pip install --editable . (scripts/setup does it)")
    return path


def run(
    name: str, *arguments: str, environment: Mapping[str, str] | None = None, seconds: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """The command's exit status, stdout and stderr; its stdin is no terminal.

    Args:
        name: the console script's.
        arguments: as on a command line.
        environment: variables beside PATH and HOME; no other of this process is seen.
        seconds: it is killed, and the test fails, when it takes longer.
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
