"""Rules of the house beyond import-linter: which modules are pure, and how full a folder may be."""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "tstats"

# Decisions and formats: no I/O, no clock, no third-party client. A new module is listed here or among IMPURE.
PURE = """
    catalog errors
    core.model core.secret core.time core.windows
    influx.health_statements influx.influxql influx.line_protocol influx.rows
    influx.shards.address influx.shards.blocks influx.shards.compare influx.shards.decode influx.shards.floats
    influx.shards.integers influx.shards.keys influx.shards.points influx.shards.shard
    influx.shards.simple8b influx.shards.tsm influx.shards.varint influx.shards.writer
    traffic_control.inventory
    schema.plan schema.spec
    collect.feed
    rollups.compare rollups.plan
    shard.diff shard.report
    summaries.day
    sync.digest sync.merge sync.options sync.plan sync.segments
    api.access.credential api.access.token
    api.http.negotiation api.http.problem api.http.query_string
    api.page.answer api.page.query api.page.statements
    api.statistics.answer api.statistics.query api.statistics.statements
    api.stats_summary.post api.stats_summary.query api.stats_summary.record
    doctor.diagnosis
"""

# Everything else does I/O, keeps time, or builds what does.
IMPURE = """
    api.access.access api.access.authority api.access.command api.access.rate_limiter api.access.sessions
    api.access.stand_alone api.access.tagged api.access.token_file api.access.traffic_ops_view api.assembly
    api.command api.http.answers api.http.app api.http.health api.http.listener api.http.origin
    api.http.packaged api.http.ping api.http.routing api.http.service api.http.serving api.http.supervised
    api.http.telemetry api.http.ttl_cache api.openapi.docs_page api.openapi.document api.openapi.schemas
    api.page.charts api.page.files api.page.health api.page.lists api.page.page api.statistics.handlers
    api.stats_summary.answer api.stats_summary.handlers api.stats_summary.records
    cli
    collect.collector collect.exposition collect.inventory_file collect.poll collect.publish collect.spool
    collect.spool_survey collect.telemetry
    command.exits command.logs command.systemd
    config.loading config.settings
    connections
    daemon.daemon daemon.upkeep
    dashboards.board dashboards.boards.all_boards dashboards.boards.cache_group dashboards.boards.cdn
    dashboards.boards.daily dashboards.boards.delivery_service dashboards.boards.itself
    dashboards.boards.server dashboards.command dashboards.grafana dashboards.limits dashboards.links
    dashboards.names dashboards.panels dashboards.provisioning dashboards.push dashboards.queries
    dashboards.questions dashboards.sources
    db.command db.database db.migrations db.tables
    doctor.checks.clocks doctor.checks.configuration doctor.checks.health doctor.checks.influx
    doctor.checks.monitors doctor.checks.points doctor.checks.schema doctor.checks.spool
    doctor.checks.summaries doctor.checks.traffic_ops doctor.command doctor.diagnose doctor.display
    doctor.examine doctor.subject
    influx.async_connection influx.async_reader influx.client influx.command_options influx.command_remedies
    influx.health influx.measurements influx.stream influx.udp
    influx.shards.archive influx.shards.archive_stream influx.shards.files influx.shards.rpc
    migrate_config.command migrate_config.moving
    rollups.cells rollups.check rollups.command rollups.display rollups.late rollups.repair rollups.report
    rollups.state
    schema.display schema.provision
    shard.command shard.display
    simulator.command simulator.exchange simulator.faults simulator.inventory simulator.listener
    simulator.payloads simulator.record simulator.server simulator.sessions simulator.summaries
    simulator.traffic simulator.traffic_monitor simulator.traffic_ops simulator.world
    summaries.command summaries.points summaries.report summaries.rows summaries.schedule summaries.sinks
    summaries.summarizer
    sync.bisection sync.contents sync.context sync.display sync.localize sync.measurement sync.read
    sync.report sync.run sync.scheduler sync.survey sync.transfer sync.verify sync.window sync.write
    traffic_control.traffic_monitor traffic_control.traffic_ops
    transport.http transport.retry transport.server_clock
"""

# What a pure module may use of the standard library; no pathlib, asyncio, time, os, threading or socket.
STANDARD = frozenset(
    """
    abc base64 collections collections.abc dataclasses datetime decimal enum fnmatch functools hashlib
    heapq itertools json math operator re reprlib string struct sys types typing urllib.parse zlib
    """.split()  # noqa: SIM905 (a list of words reads as one)
)
THIRD_PARTY = frozenset({"msgspec"})
# TSM files are decoded with them, and nothing else is.
DECODING = frozenset({"numpy", "numpy.typing", "cramjam"})


def name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name(path): path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"}


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in it."""
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
def test_a_pure_module_imports_only_pure_ones(module: str) -> None:
    for used in imported(MODULES[module]):
        if used.startswith("tstats"):
            assert used.removeprefix("tstats.") in PURE.split()
        elif used in sys.stdlib_module_names or used.split(".")[0] in sys.stdlib_module_names:
            assert used in STANDARD
        else:
            assert used in (THIRD_PARTY | DECODING if module.startswith("influx.shards.") else THIRD_PARTY)


def test_no_room_is_too_full() -> None:
    folders = Counter(path.parent for path in MODULES.values())
    assert {str(folder): modules for folder, modules in folders.items() if modules > 20} == {}
