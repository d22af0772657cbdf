"""A complete, healthy installation: Traffic Ops, monitors, an InfluxDB with points, summaries."""

import json
import time
from datetime import timedelta
from pathlib import Path

from tests.support.days import migrated, summarizer, write_day
from tests.support.rollups import raw_points, write
from tstats import catalog
from tstats.collect.spool import Spool
from tstats.core.time import MINUTE, SECOND
from tstats.core.windows import Window
from tstats.doctor.diagnose import diagnose
from tstats.doctor.diagnosis import Diagnosis, Finding, Verdict
from tstats.influx.client import Influx
from tstats.rollups.repair import RollupRepair
from tstats.schema.provision import catalog_schema, provision
from tstats.simulator.server import Simulator

HOUR = 60 * MINUTE


class Installation:
    """Everything that a configuration names, in good health; a test breaks one thing and looks.

    Attributes:
        folder: of the configuration, the spool and the SQLite file.
        file: the configuration.
        influx: the InfluxDB, empty at first.
        simulator: Traffic Ops and monitors, already running.
    """

    def __init__(self, folder: Path, influx: Influx, simulator: Simulator) -> None:
        self.folder = folder
        self.file = folder / "traffic_stats.cfg"
        self.influx = influx
        self.simulator = simulator
        self.spool = folder / "spool"
        self.settings: dict[str, object] = {
            "toUrl": simulator.traffic_ops_url,
            "toUser": simulator.user,
            "toPasswd": simulator.password,
            "influxUrls": [influx.url],
            "cacheRetentionPolicy": "daily",
            "dsRetentionPolicy": "daily",
            "dailySummaryRetentionPolicy": "indefinite",
            "spoolDirectory": str(self.spool),
            # Points may be missing and batches may wait for that long without a finding.
            "publishingInterval": 600,
            # The smallest spool, so that a full disk on the test machine is not a finding.
            "spoolMaxBytes": 1 << 20,
        }
        self.database_url = f"sqlite:///{folder / 'tstats.db'}"
        self.configure()
        self._fill()

    def configure(self, **settings: object) -> None:
        """Change keys of the file; a value of None removes the key."""
        self.settings |= settings
        kept = {key: value for key, value in self.settings.items() if value is not None}
        self.file.write_text(json.dumps(kept))
        self.file.chmod(0o600)

    def diagnose(self, *, seconds: float = 30.0, ahead: float = 0.0, since: int = 2 * HOUR) -> Diagnosis:
        """Return what the doctor finds when its clock is `ahead` seconds ahead of the machine's."""
        return diagnose(
            self.file,
            seconds=seconds,
            since=since,
            clock=lambda: time.time_ns() + round(ahead * SECOND),
            environment={},
        )

    def _fill(self) -> None:
        provision(
            self.influx,
            catalog_schema(catalog.DATABASES, replication=1),
            allow_data_loss=False,
            apply=True,
        )
        now = time.time_ns()
        window = Window(
            start=(now - 15 * MINUTE) // MINUTE * MINUTE, end=now // (10 * SECOND) * (10 * SECOND)
        )
        write(self.influx, raw_points(window))
        RollupRepair(self.influx).run(window)
        rows = migrated(self.database_url)
        summaries = summarizer(self.influx, rows=rows)
        write_day(self.influx, "cdn1", day=summaries.last_settled(now) - timedelta(days=1))
        assert summaries.run(now).ok
        Spool(self.spool, ["any"], max_bytes=1 << 20).close()


def findings(diagnosis: Diagnosis, *verdicts: Verdict) -> dict[tuple[str, str], Finding]:
    """Return the findings with one of these verdicts, or all, by area (without its URL) and check."""
    return {
        (finding.area.partition(" http")[0], finding.check): finding
        for finding in diagnosis.findings
        if not verdicts or finding.verdict in verdicts
    }
