"""Summarizes in a loop until it is killed: `python -m tests.support.summarizing CFG NOW`."""

import sys
from pathlib import Path

from tstats.command import logs
from tstats.config import loading as config
from tstats.summaries.build import build_summarizer


def main() -> None:
    """Print `ready` on stdout, then summarize until killed; NOW is ns since the epoch."""
    path, now = sys.argv[1:]
    settings = config.load(Path(path))
    summarizer = build_summarizer(settings, logs.get("summarize"))
    print("ready", flush=True)  # noqa: T201 (the parent process waits for it)
    while True:
        summarizer.run(int(now))


if __name__ == "__main__":
    main()
