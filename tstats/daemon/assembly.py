"""Builds everything that `tstats collect` consists of, from the settings."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

from tstats import catalog, connections
from tstats.collect.batch import Batch
from tstats.collect.collector import Collector
from tstats.collect.exposition import Exposition
from tstats.collect.inventory import InventoryFile, InventoryKeeper
from tstats.collect.metrics import CollectorMetrics
from tstats.collect.poll import Poller
from tstats.collect.publish import BatchWriter, Publisher, send_to_all
from tstats.collect.spool import Spool
from tstats.config import loading as config
from tstats.config.settings import Settings
from tstats.daemon.upkeep import RollupServer, Upkeep
from tstats.influx.udp import UdpInflux
from tstats.rollups.late import LateWindows
from tstats.rollups.repair import RollupRepair
from tstats.summaries.build import build_summarizer

_ANY = "any"


def build_collector(
    settings: Settings,
    *,
    metrics: CollectorMetrics,
    log: structlog.stdlib.BoundLogger,
    on_delivered: Callable[[str, Batch], None] = lambda _url, _batch: None,
) -> Collector:
    """Build the collector; nothing is connected to yet.

    Args:
        settings: validated settings.
        metrics: the counters; outlive a reload.
        log: gets the events.
        on_delivered: called with a server's URL and the batch that the server has just taken; by any thread.

    Raises:
        ConfigError: the URL of an InfluxDB is invalid.
        SpoolError: the spool cannot be used.
    """
    directory = Path(settings.spool_directory)
    targets = _targets(settings, log)
    spool = Spool(directory, list(targets), max_bytes=settings.spool_max_bytes)
    publishers = [
        Publisher(
            spool=spool, target=target, writers=writers, metrics=metrics, log=log, on_delivered=on_delivered
        )
        for target, writers in targets.items()
    ]
    return Collector(
        inventory=InventoryKeeper(
            traffic_ops=connections.traffic_ops(settings),
            file=InventoryFile(directory / "inventory.json", settings.to_url),
            status=settings.status_to_mon,
            metrics=metrics,
            log=log,
        ),
        poller=Poller(
            spool=spool,
            send=partial(send_to_all, publishers),
            policies={
                catalog.CACHE_STATS: settings.cache_retention_policy,
                catalog.DELIVERYSERVICE_STATS: settings.ds_retention_policy,
            },
            batch_points=settings.max_publish_size,
            metrics=metrics,
            log=log,
        ),
        spool=spool,
        publishers=publishers,
        polling_interval=settings.polling_interval,
        publishing_interval=settings.publishing_interval,
        metrics=metrics,
        log=log,
    )


def build_upkeep(
    settings: Settings, *, metrics: CollectorMetrics, log: structlog.stdlib.BoundLogger
) -> Upkeep:
    """Build the daemon's recurring tasks; nothing is connected to yet.

    Raises:
        ConfigError: the URL of an InfluxDB or of the SQL database is invalid.
    """
    influxes = [connections.influx(settings, url) for url in connections.queried_urls(settings)]
    return Upkeep(
        [RollupServer(influx=influx, repair=RollupRepair(influx), late=LateWindows()) for influx in influxes],
        summarizer=build_summarizer(settings, log) if influxes else None,
        summary_interval=settings.daily_summary_polling_interval,
        run_rollups=settings.rollup_mode == "tstats",
        metrics=metrics,
        log=log,
    )


def build_exposition(
    settings: Settings, *, metrics: CollectorMetrics, problems: Callable[[], list[str]]
) -> Exposition | None:
    """Start the server of /metrics and /healthz; None if metricsBind is empty.

    Raises:
        ConfigError: the address is invalid, in use or not available.
    """
    if not settings.metrics_bind:
        return None
    host, port = config.bind_address(settings.metrics_bind, "metricsBind")
    return Exposition(host, port, registry=metrics.registry, problems=problems)


def _targets(settings: Settings, log: structlog.stdlib.BoundLogger) -> dict[str, list[BatchWriter]]:
    """Return the servers by target: with `any` they all are one target, with `all` each is its own."""
    writers = [_writer(settings, url, log) for url in dict.fromkeys(settings.influx_urls)]
    if settings.influx_write_mode == _ANY:
        return {_ANY: writers}
    return {writer.url: [writer] for writer in writers}


def _writer(settings: Settings, url: str, log: structlog.stdlib.BoundLogger) -> BatchWriter:
    if url.startswith("udp://"):
        listener = UdpInflux(url)
        log.warning("udp", url=url, remedy="UDP is not acknowledged: what is lost on the way stays lost")
        return listener
    return connections.influx(settings, url)
