"""The keys of the daily summaries: their defaults, and the URL of the database, which is never shown."""

import json
from pathlib import Path

import pytest

from tstats.config.loading import load
from tstats.config.settings import Settings
from tstats.core.secret import Secret
from tstats.errors import ConfigError

GOOD: dict[str, object] = {"toUrl": "https://to.example.com", "influxUrls": ["http://localhost:8086"]}
URL = "postgresql+psycopg://traffic_ops:correct-horse@localhost/traffic_ops"


def loaded(folder: Path, environment: dict[str, str] | None = None, **keys: object) -> Settings:
    file = folder / "traffic_stats.cfg"
    file.write_text(json.dumps(GOOD | keys))
    return load(file, environment or {})


def test_the_default_is_a_sqlite_file_beside_the_spool(tmp_path: Path) -> None:
    settings = loaded(tmp_path)
    assert settings.summary_database.reveal() == "sqlite:///tstats.db"
    assert (settings.summary_sink, settings.summarize_delivery_services) == ("database", False)
    assert settings.summary_settle_minutes == 10
    elsewhere = loaded(tmp_path, spoolDirectory="/var/lib/tstats/spool")
    assert elsewhere.summary_database.reveal() == "sqlite:////var/lib/tstats/tstats.db"


@pytest.mark.parametrize("by_environment", [False, True])
def test_the_url_of_the_database_is_a_secret(tmp_path: Path, *, by_environment: bool) -> None:
    environment = {"TSTATS_DATABASE_URL": URL} if by_environment else {}
    keys = {} if by_environment else {"databaseUrl": URL}
    settings = loaded(tmp_path, environment, **keys)
    assert settings.summary_database == settings.database_url == Secret(URL)
    assert "correct-horse" not in repr(settings)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("summarySink", "paper"),
        ("summarySettleMinutes", -1),
        ("summarySettleMinutes", 1_001),
        ("databaseUrl", 5),
    ],
)
def test_an_error_names_the_key(tmp_path: Path, key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"traffic_stats.cfg: {key}: "):
        loaded(tmp_path, {}, **{key: value})
