"""The rules of the house that import-linter does not check: pure modules, and the size of folders."""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "tstats"

# Decisions and formats: no I/O, no clock, no third-party client. A new module is listed here or in IMPURE.
PURE = """
    api.access.credential api.access.token api.http.problem api.http.query_string api.page.query
    api.page.response api.page.statements api.statistics.negotiation api.statistics.query
    api.statistics.response api.statistics.statements api.stats_summary.post api.stats_summary.query
    api.stats_summary.record
    catalog
    collect.feed collect.payload
    core.model core.secret core.time core.windows
    daemon.schedule
    dashboards.data_sources dashboards.links dashboards.names dashboards.queries
    doctor.diagnosis
    errors
    influx.health_statements influx.influxql influx.line_protocol influx.rows influx.shards.address
    influx.shards.blocks influx.shards.compare influx.shards.decode influx.shards.floats
    influx.shards.integers influx.shards.keys influx.shards.points influx.shards.shard
    influx.shards.simple8b influx.shards.tsm influx.shards.varint influx.shards.writer
    rollups.compare rollups.display rollups.plan rollups.report
    schema.plan schema.spec
    shard.diff shard.report
    summaries.day summaries.schedule
    sync.digest sync.merge sync.options sync.plan sync.segments
    traffic_control.inventory
"""

# Everything else: does I/O, reads a clock, uses a third-party library, or builds what does.
IMPURE = """
    api.access.access api.access.command api.access.origin api.access.rate_limiter api.access.recorded_names
    api.access.sessions api.access.stand_alone api.access.token_file api.access.traffic_ops_view
    api.assembly api.command api.http.app api.http.metrics api.http.monitoring api.http.package_files
    api.http.protocol api.http.responses api.http.routing api.http.serving api.http.supervision
    api.http.ttl_cache api.openapi.docs_page api.openapi.document api.openapi.schemas api.page.charts
    api.page.files api.page.health api.page.lists api.statistics.handlers api.stats_summary.handlers
    api.stats_summary.table
    cli
    collect.batch collect.collector collect.exposition collect.inventory collect.metrics collect.poll
    collect.publish collect.spool collect.spool_survey
    command.app command.exits command.logs command.options command.output command.systemd
    config.loading config.secret_file config.settings
    connections
    daemon.assembly daemon.command daemon.daemon daemon.runner daemon.signals daemon.upkeep
    dashboards.boards.cache_group dashboards.boards.cdn dashboards.boards.daily
    dashboards.boards.delivery_service dashboards.boards.health dashboards.boards.server dashboards.command
    dashboards.dashboard dashboards.grafana dashboards.json_models dashboards.panels dashboards.provisioning
    dashboards.push dashboards.targets dashboards.thresholds
    db.command db.database db.lock db.migrations db.tables
    doctor.checks.clocks doctor.checks.configuration doctor.checks.health doctor.checks.influx
    doctor.checks.monitors doctor.checks.points doctor.checks.schema doctor.checks.spool
    doctor.checks.summaries doctor.checks.traffic_ops doctor.command doctor.diagnose doctor.display
    doctor.examine
    influx.async_connection influx.async_reader influx.client influx.command_options influx.command_remedies
    influx.health influx.measurements influx.partial_write influx.shards.archive
    influx.shards.archive_stream influx.shards.files influx.shards.rpc influx.stream influx.udp
    migrate_config.command migrate_config.migration
    rollups.cells rollups.check rollups.command rollups.late rollups.repair rollups.state
    schema.display schema.provision
    shard.command shard.display
    simulator.command simulator.exchange simulator.exchange_log simulator.faults simulator.inventory
    simulator.listener simulator.payloads simulator.server simulator.sessions simulator.summaries
    simulator.traffic simulator.traffic_monitor simulator.traffic_ops simulator.world
    summaries.build summaries.command summaries.points summaries.report summaries.rows summaries.sinks
    summaries.summarizer
    sync.bisection sync.contents sync.context sync.display sync.localize sync.measurement sync.read
    sync.report sync.run sync.scheduler sync.shards.access sync.shards.copies sync.shards.exchange
    sync.shards.pair sync.shards.pairs sync.shards.run sync.shards.unchanged sync.survey sync.transfer
    sync.verify sync.window sync.write
    traffic_control.traffic_monitor traffic_control.traffic_ops
    transport.http transport.retry transport.server_clock transport.session
"""

# The standard library as far as pure modules may use it: no pathlib, asyncio, time, os, threading or socket.
STANDARD = frozenset(
    """
    abc base64 collections collections.abc dataclasses datetime decimal difflib enum fnmatch functools hashlib
    heapq http itertools json math operator re reprlib string struct sys types typing urllib.parse zlib
    """.split()  # noqa: SIM905 (a list of words reads as one)
)
THIRD_PARTY = frozenset({"msgspec"})
# TSM files are decoded with them, and nothing else is.
DECODING = frozenset({"numpy", "numpy.typing", "cramjam"})


def name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name(path): path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"}


def imported(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner.removeprefix("tstats.") in MODULES else node.module or ""


def test_every_module_is_listed_once() -> None:
    listed = Counter(PURE.split() + IMPURE.split())
    assert not [module for module, times in listed.items() if times > 1]
    assert sorted(listed) == sorted(MODULES)


@pytest.mark.parametrize("module", PURE.split())
def test_a_pure_module_imports_only_pure_modules(module: str) -> None:
    for used in imported(MODULES[module]):
        if used.startswith("tstats"):
            assert used.removeprefix("tstats.") in PURE.split()
        elif used in sys.stdlib_module_names or used.split(".")[0] in sys.stdlib_module_names:
            assert used in STANDARD
        else:
            assert used in (THIRD_PARTY | DECODING if module.startswith("influx.shards.") else THIRD_PARTY)


def test_no_folder_has_too_many_modules() -> None:
    folders = Counter(path.parent for path in MODULES.values())
    assert {str(folder): modules for folder, modules in folders.items() if modules > 20} == {}
