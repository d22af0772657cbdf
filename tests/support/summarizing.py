"""Summarizes again and again, until it is killed: `python -m tests.support.summarizing CFG NOW`."""

import sys
from pathlib import Path

from tstats.command import logs
from tstats.config import loading as config
from tstats.summaries.summarizer import from_settings


def main() -> None:
    """Say `ready` on stdout, then run until the end."""
    path, now = sys.argv[1:]
    settings = config.load(Path(path))
    summarizer = from_settings(settings, log=logs.get("summarize"))
    print("ready", flush=True)  # noqa: T201 (who started us waits for it)
    while True:
        summarizer.run(float(now))


if __name__ == "__main__":
    main()
