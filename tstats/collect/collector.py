"""The collector at work: inventory, pollers, spool and publishers made from one set of settings.

`Collection` is the whole of it between two reloads. It holds no schedule: who drives it (the daemon, or
`--once`) says when.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

import structlog

from tstats import connections
from tstats.collect.inventory_file import InventoryFile
from tstats.collect.poll import Collector, Poller, changed
from tstats.collect.publish import Publisher, Writer
from tstats.collect.spool import Batch, Spool
from tstats.collect.telemetry import Telemetry
from tstats.config.settings import Settings
from tstats.errors import ServerError, SpoolError
from tstats.influx.udp import UdpInflux
from tstats.traffic_control.inventory import Inventory

_MOST_POLLS_AT_ONCE = 64
_ANY = "any"
# A slow monitor must not delay the next poll: a poll is given up before that begins.
_SHARE_OF_INTERVAL = 0.9


class Collection:
    """Everything that one set of settings asks for.

    Args:
        settings: checked ones.
        telemetry: counts; outlives a reload.
        log: told every event.
        clock: seconds since the epoch.
        on_taken: told the URL of a server and the batch that it has just taken.

    Raises:
        ConfigError: a URL of an InfluxDB is none.
        SpoolError: the spool cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        telemetry: Telemetry,
        log: structlog.stdlib.BoundLogger,
        clock: Callable[[], float] = time.time,
        on_taken: Callable[[str, Batch], None] = lambda _url, _batch: None,
    ) -> None:
        self.settings = settings
        self._telemetry = telemetry
        self._log = log
        self._clock = clock
        targets = _targets(settings, log)
        directory = Path(settings.spool_directory)
        self.spool = Spool(
            directory, list(targets), max_bytes=settings.spool_max_bytes, on_evicted=self._evicted
        )
        self.publishers = [
            Publisher(
                spool=self.spool,
                target=target,
                writers=writers,
                telemetry=telemetry,
                log=log,
                on_taken=on_taken,
            )
            for target, writers in targets.items()
        ]
        self._collector = Collector(
            settings=settings,
            spool=self.spool,
            send=self._send,
            telemetry=telemetry,
            log=log,
            clock=clock,
        )
        self._traffic_ops = connections.traffic_ops(settings)
        self._file = InventoryFile(directory / "inventory.json", settings.to_url)
        self._inventory: Inventory | None = None
        self._inventory_at = clock()
        self._pollers: list[Poller] = []
        self._running: dict[tuple[str, str], Future[bool]] = {}
        self._mutex = threading.Lock()
        self._polls = ThreadPoolExecutor(_MOST_POLLS_AT_ONCE, thread_name_prefix="poll")
        telemetry.spool_bytes.set_function(lambda: self.spool.bytes)
        telemetry.inventory_age.set_function(lambda: self._clock() - self._inventory_at)
        for target in targets:
            telemetry.spool_age.labels(target).set_function(partial(self.spool.oldest_age, target))

    @property
    def has_inventory(self) -> bool:
        """Whether there is something to poll by."""
        return self._inventory is not None

    def refresh_inventory(self) -> bool:
        """Take the inventory from Traffic Ops, or else the one in use, or else the one on disk.

        Returns:
            Whether Traffic Ops gave one.
        """
        try:
            fresh = self._traffic_ops.inventory(self.settings.status_to_mon)
        except ServerError as error:
            self._log.error("inventory_failed", error=str(error))
            self._use_kept()
            return False
        self._inventory_at = self._clock()
        for problem in fresh.problems:
            self._log.warning("inventory_problem", problem=problem)
        if not fresh.monitors:
            self._log.warning(
                "no_monitors",
                remedy=f"Traffic Ops has no server of type RASCAL with status {self.settings.status_to_mon}",
            )
        self._use(fresh)
        try:
            self._file.save(fresh)
        except SpoolError as error:
            self._log.error("inventory_not_kept", error=str(error))
        return True

    def start_polls(self) -> list[Future[bool]]:
        """Begin a poll of every poller whose last one has ended; the others are skipped and counted."""
        seconds = self.settings.polling_interval * _SHARE_OF_INTERVAL
        started = []
        with self._mutex:
            pollers = self._pollers
        for poller in pollers:
            last = self._running.get(poller.key)
            if last is not None and not last.done():
                self._telemetry.polls.labels(*poller.key, "skipped").inc()
                self._log.warning("poll_skipped", cdn=poller.key[0], feed=poller.key[1])
                continue
            future = self._polls.submit(self._poll, poller, seconds)
            self._running[poller.key] = future
            started.append(future)
        return started

    def finish_polls(self) -> None:
        """Wait until every poll has ended; each ends within its interval."""
        wait(list(self._running.values()))

    def problems(self) -> list[str]:
        """What is wrong now, in words."""
        wrong = []
        longest = 3 * self.settings.polling_interval
        ages = self._telemetry.poll_ages()
        with self._mutex:
            pollers = self._pollers
        if not pollers:
            wrong.append("no monitor to poll is known")
        for poller in pollers:
            age = ages.get(poller.key)
            if age is None or age > longest:
                since = "no good poll yet" if age is None else f"last good poll {age:.0f} s ago"
                wrong.append(f"{poller.key[0]} {poller.key[1]}: {since}")
        for publisher in self.publishers:
            age = self.spool.oldest_age(publisher.target)
            if age > 3 * self.settings.publishing_interval:
                wrong.append(f"{publisher.target}: a batch waits since {age:.0f} s")
        return wrong

    def close(self) -> None:
        """End what is running and give everything back; what was not delivered stays in the spool."""
        self.finish_polls()
        self._polls.shutdown()
        for poller in self._pollers:
            poller.group.close()
        for publisher in self.publishers:
            publisher.close()
        self._traffic_ops.close()
        self.spool.close()

    def _poll(self, poller: Poller, seconds: float) -> bool:
        try:
            return self._collector.poll(poller, seconds=seconds)
        except Exception:  # noqa: BLE001 (logged with its traceback)
            # A fault of ours in one poll must not end the others, nor go unseen.
            self._log.exception("poll_crashed", cdn=poller.key[0], feed=poller.key[1])
            self._telemetry.polls.labels(*poller.key, "failed").inc()
            return False

    def _send(self, batch: Batch) -> bool:
        """Deliver a batch to every target at once; whether all of them have it."""
        sent = [publisher.send(batch) for publisher in self.publishers]
        return all(sent)

    def _use_kept(self) -> None:
        if self._inventory is not None:
            return
        kept = self._file.load()
        if kept is None:
            return
        inventory, age = kept
        self._inventory_at = self._clock() - age
        self._log.warning("inventory_from_disk", age_seconds=round(age))
        self._use(inventory)

    def _use(self, inventory: Inventory) -> None:
        if not changed(self._inventory, inventory):
            return
        self._inventory = inventory
        pollers = self._collector.pollers(inventory)
        self._telemetry.forget_polls({poller.key for poller in pollers})
        with self._mutex:
            self._pollers = pollers
        self._log.info(
            "inventory", cdns=len(inventory.monitors), servers=len(inventory.caches), pollers=len(pollers)
        )

    def _evicted(self, batches: int) -> None:
        self._telemetry.dropped.labels("all", "spool_full").inc(batches)
        self._log.error(
            "dropped",
            reason="the spool is full: its oldest batches went",
            batches=batches,
            remedy="bring InfluxDB back, or raise spoolMaxBytes",
        )


def _targets(settings: Settings, log: structlog.stdlib.BoundLogger) -> dict[str, list[Writer]]:
    """The servers by target: all of them one target (`any`), or each one its own (`all`)."""
    writers = [_writer(settings, url, log) for url in dict.fromkeys(settings.influx_urls)]
    if settings.influx_write_mode == _ANY:
        return {_ANY: writers}
    return {writer.url: [writer] for writer in writers}


def _writer(settings: Settings, url: str, log: structlog.stdlib.BoundLogger) -> Writer:
    if url.startswith("udp://"):
        listener = UdpInflux(url)
        log.warning("udp", url=url, remedy="UDP is not acknowledged: what is lost on the way stays lost")
        return listener
    return connections.influx(settings, url)
