"""The log: one line per event, each level to the destination in the settings."""

import logging
import logging.handlers
import re
import sys
from collections import defaultdict

import structlog

from tstats.config.settings import Logs
from tstats.errors import ConfigError

# What would end a line, control a terminal, or cannot be encoded: text from a monitor is not trusted.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LEVELS = ("error", "warning", "info", "debug")
_NOWHERE = (None, "", "null")  # the texts are Go's


def configure(logs: Logs, log_format: str) -> None:
    """Send each level to its destination from now on.

    Args:
        logs: for each level `stderr`, `stdout`, a path, or None, "" or "null" for nowhere.
        log_format: `text` (logfmt) or `json`.

    Raises:
        ConfigError: a log file cannot be opened.
    """
    levels: dict[str, set[int]] = defaultdict(set)
    for name in _LEVELS:
        destination = getattr(logs, name)
        if destination not in _NOWHERE:
            levels[destination].add(getattr(logging, name.upper()))
    handlers: list[logging.Handler] = [logging.NullHandler()]  # with none at all, Python writes to stderr
    try:
        for destination, chosen in levels.items():
            handlers.append(_handler(destination, chosen))
    except ConfigError:
        for handler in handlers:
            handler.close()
        raise
    root = logging.getLogger("tstats")
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    for handler in handlers:
        root.addHandler(handler)
    root.propagate = False
    root.setLevel(logging.INFO if logs.debug in _NOWHERE else logging.DEBUG)
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.processors.LogfmtRenderer(key_order=["time", "level", "event"], drop_missing=True)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def get(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a part of tstats; events are past participles, their values keywords."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(f"tstats.{name}")
    return logger


class _LogLine(logging.Formatter):
    """The event as structlog rendered it, traceback included.

    Unprintable characters are written as Python escapes, so that an event is one line.
    """

    def format(self, record: logging.LogRecord) -> str:
        return _UNPRINTABLE.sub(lambda match: ascii(match[0])[1:-1], record.getMessage())


def _handler(destination: str, levels: set[int]) -> logging.Handler:
    handler: logging.Handler
    if destination in ("stderr", "stdout"):
        handler = logging.StreamHandler(getattr(sys, destination))
    else:
        try:
            # Watched: after logrotate has moved the file away, the next line opens a new one.
            handler = logging.handlers.WatchedFileHandler(destination, encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"logs: {destination} cannot be opened: {error.strerror}") from None
    handler.addFilter(lambda record: record.levelno in levels)
    handler.setFormatter(_LogLine())
    return handler
