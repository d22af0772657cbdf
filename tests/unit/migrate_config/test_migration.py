"""`tstats migrate-config`: what changes for Go's traffic_stats.cfg, and the converted file."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.config.test_loading import GOS_SAMPLE
from tstats.cli import app
from tstats.command import exits
from tstats.config import loading as config
from tstats.migrate_config.migration import ConfigMigration, NoteKind, plan_migration

PASSWORD = "correct-horse"  # noqa: S105 (the secret of this test)
GOOD: dict[str, Any] = {
    "toUrl": "https://to.example.com",
    "influxUrls": ["http://localhost:8086"],
    "statusToMon": "ONLINE",
}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return tmp_path / "traffic_stats.cfg"


def migrated(old: Path, **keys: object) -> ConfigMigration:
    old.write_text(json.dumps(GOOD | keys))
    return plan_migration(old)


def texts(migration: ConfigMigration, kind: NoteKind) -> dict[str, str]:
    return {note.key: note.text for note in migration.of(kind)}


def ended(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        exits.run(app, ["migrate-config", *map(str, arguments)])
    assert isinstance(end.value.code, int)
    return end.value.code


# --- the notes


def test_go_s_own_sample_starts_as_it_is_and_every_key_has_a_note(old: Path) -> None:
    old.write_text(GOS_SAMPLE)
    migration = plan_migration(old)
    assert migration.problem is None
    noted = {note.key for note in migration.notes}
    assert set(json.loads(GOS_SAMPLE)) <= noted
    assert set(texts(migration, NoteKind.IGNORED)) == {"disableInflux", "seelogConfig", "kafkaConfig"}
    assert texts(migration, NoteKind.REFUSED) == {}
    assert {"toPasswd", "influxPassword", "influxUrls", "toUrl"} == set(texts(migration, NoteKind.INSECURE))


def test_kafka_in_use_is_refused_and_its_consumers_still_need_go_s(old: Path) -> None:
    migration = migrated(old, kafkaConfig={"enable": True, "brokers": "kafka:9092"})
    assert "still need Go's" in texts(migration, NoteKind.REFUSED)["kafkaConfig.enable"]
    assert "kafkaConfig.enable" in (migration.problem or "")
    assert "kafkaConfig" not in migration.converted


def test_influxdb_switched_off_is_refused(old: Path) -> None:
    migration = migrated(old, disableInflux=True)
    assert "disableInflux" in texts(migration, NoteKind.REFUSED)
    assert "disableInflux" in (migration.problem or "")


def test_an_unknown_key_is_refused_with_a_suggestion(old: Path) -> None:
    refused = texts(migrated(old, pollingIntervall=5), NoteKind.REFUSED)
    assert refused["pollingIntervall"].endswith("(did you mean pollingInterval?)")


@pytest.mark.parametrize(
    ("key", "value"),
    [("toRequestTimeout", -1), ("pollingInterval", "10"), ("influxUrls", "http://localhost")],
)
def test_a_refused_value_is_left_to_the_default(old: Path, key: str, value: object) -> None:
    migration = migrated(old, **{key: value})
    assert key in texts(migration, NoteKind.REFUSED)
    assert key in (migration.problem or "")
    assert key not in migration.converted


def test_a_zero_is_the_default_as_in_go(old: Path) -> None:
    migration = migrated(old, toRequestTimeout=0)
    assert (migration.problem, texts(migration, NoteKind.SAME)["toRequestTimeout"]) == (None, "")


def test_a_missing_status_of_the_monitors_is_a_change(old: Path) -> None:
    assert (
        "Go then polls no monitors" in texts(migrated(old, statusToMon=""), NoteKind.CHANGED)["statusToMon"]
    )
    assert "statusToMon" not in texts(migrated(old), NoteKind.CHANGED)


def test_go_s_words_for_nowhere_become_null_and_levels_that_are_not_set_stay_silent(old: Path) -> None:
    migration = migrated(old, logs={"error": "stderr", "info": "null", "debug": "", "Event": "/var/log/e"})
    assert migration.converted["logs"] == {
        "error": "stderr",
        "warning": None,
        "info": None,
        "debug": None,
        "event": "/var/log/e",
    }
    assert [note.text for note in migration.notes if note.key == "logs"] == [
        "warning not set: not logged by Go, logged to stderr by tstats"
    ]


def test_levels_that_go_nowhere_mean_the_same(old: Path) -> None:
    migration = migrated(old, logs={"error": "stderr", "warning": "", "info": "null"})
    assert [(note.kind, note.text) for note in migration.notes if note.key == "logs"] == [(NoteKind.SAME, "")]


def test_the_summaries_still_go_to_traffic_ops(old: Path) -> None:
    migration = migrated(old)
    assert "summarySink" in texts(migration, NoteKind.CHANGED)
    assert migration.converted["summarySink"] == "trafficOps"
    kept = migrated(old, summarySink="database")
    assert "summarySink" not in texts(kept, NoteKind.CHANGED)
    assert kept.converted["summarySink"] == "database"


def test_several_servers_make_the_write_mode_worth_setting(old: Path) -> None:
    assert "influxWriteMode" not in texts(migrated(old), NoteKind.WORTH_SETTING)
    several = migrated(old, influxUrls=["http://a:8086", "udp://b:8089"])
    assert "influxWriteMode" in texts(several, NoteKind.WORTH_SETTING)
    assert "stays with one" in " ".join(
        note.text for note in several.of(NoteKind.CHANGED) if note.key == "influxUrls"
    )


def test_a_certificate_that_go_did_not_verify_is_noted(old: Path) -> None:
    assert "toCaCert" in texts(migrated(old), NoteKind.INSECURE)["toUrl"]
    assert "toUrl" not in texts(migrated(old, toCaCert="/etc/ca.pem"), NoteKind.INSECURE)
    assert "in clear text" in texts(migrated(old, toUrl="http://to.example.com"), NoteKind.INSECURE)["toUrl"]


# --- the command


def test_the_text_names_every_key_and_shows_no_password(
    old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    migrated(old, toPasswd=PASSWORD, influxPassword=PASSWORD, seelogConfig="/x.xml")
    assert ended(old) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("means the same:\n  toUrl, influxUrls, statusToMon, toPasswd, influxPassword\n")
    for words in ("ignored:\n  seelogConfig:", "insecure:\n  toPasswd:", "worth setting:\n  spoolDirectory:"):
        assert words in shown
    assert shown.endswith(f"tstats collect starts with {old} as it is\n")
    assert PASSWORD not in shown


def test_the_json_says_whether_it_starts(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    migrated(old, disableInflux=True, toPasswd=PASSWORD)
    assert ended(old, "--output", "json") == 0
    shown = capsys.readouterr().out
    report = json.loads(shown)
    assert (report["startsAsItIs"], report["written"]) == (False, None)
    assert "disableInflux" in report["problem"]
    assert {"kind": "means the same", "key": "toUrl", "text": None} in report["notes"]
    assert PASSWORD not in shown


def test_the_converted_file_is_valid_and_only_for_its_owner(old: Path, tmp_path: Path) -> None:
    old.write_text(GOS_SAMPLE.replace('"enable": false', '"enable": true').replace('"toUser"', '"to_user"'))
    new = tmp_path / "new.cfg"
    assert ended(old, "--write", new) == 0
    assert new.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"traffic_stats.cfg", "new.cfg"}
    settings = config.load(new, {}, to_collect=True)
    assert (settings.to_user, settings.to_passwd.reveal(), settings.max_publish_size) == (
        "user",
        "pass",
        10_000,
    )
    assert (settings.summary_sink, settings.seelog_config) == ("trafficOps", None)
    again = plan_migration(new)
    assert (again.problem, again.of(NoteKind.REFUSED), again.of(NoteKind.IGNORED)) == (None, (), ())
    assert again.converted == json.loads(new.read_text())


def test_an_existing_file_is_replaced_only_with_force(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    migrated(old)
    new = tmp_path / "new.cfg"
    new.write_text("mine")
    assert ended(old, "--write", new) == 1
    assert new.read_text() == "mine"
    assert "--force" in capsys.readouterr().err
    assert ended(old, "--write", new, "--force") == 0
    assert json.loads(new.read_text())["toUrl"] == GOOD["toUrl"]
    assert new.stat().st_mode & 0o777 == 0o600


def test_a_converted_file_that_still_lacks_something_says_so(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old.write_text(json.dumps({"influxUrls": ["http://localhost:8086"]}))
    assert ended(old, "--write", tmp_path / "new.cfg") == 1
    assert "toUrl: the URL of Traffic Ops is required" in capsys.readouterr().err
    assert (tmp_path / "new.cfg").exists()


def test_a_missing_folder_is_an_error(old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    migrated(old)
    assert ended(old, "--write", tmp_path / "none" / "new.cfg") == 1
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_an_unreadable_or_invalid_file_ends_with_2(
    old: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        old.write_bytes(content)
    assert ended(old) == 2
    assert str(old) in capsys.readouterr().err
