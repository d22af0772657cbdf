"""What the handlers work with."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from tstats.api.access.access import Access
from tstats.api.http.metrics import Telemetry
from tstats.config.settings import Settings
from tstats.influx.async_reader import InfluxReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One API, in one process.

    Attributes:
        settings: of the configuration file.
        access: who may ask, and what for.
        reader: InfluxDB.
        telemetry: what the API measures of itself.
        clock: seconds since the epoch.
    """

    settings: Settings
    access: Access
    reader: InfluxReader
    telemetry: Telemetry
    clock: Callable[[], float] = time.time
