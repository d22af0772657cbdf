"""`tstats migrate-config`: what changes for who brings Go's traffic_stats.cfg, and the converted file."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.config.test_loading import GOS_SAMPLE
from tstats.cli import app
from tstats.command import exits
from tstats.config import loading as config
from tstats.migrate_config.moving import Kind, Move, read

PASSWORD = "correct-horse"  # noqa: S105 (the secret of this test)
GOOD: dict[str, Any] = {
    "toUrl": "https://to.example.com",
    "influxUrls": ["http://localhost:8086"],
    "statusToMon": "ONLINE",
}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return tmp_path / "traffic_stats.cfg"


def moved(old: Path, **keys: object) -> Move:
    old.write_text(json.dumps(GOOD | keys))
    return read(old)


def texts(move: Move, kind: Kind) -> dict[str, str]:
    return {note.key: note.text for note in move.of(kind)}


def ended(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        exits.run(app, ["migrate-config", *map(str, arguments)])
    assert isinstance(end.value.code, int)
    return end.value.code


# --- what is told


def test_go_s_own_sample_starts_as_it_is_and_every_key_is_told_of(old: Path) -> None:
    old.write_text(GOS_SAMPLE)
    move = read(old)
    assert move.problem is None
    told = {note.key for note in move.notes}
    assert set(json.loads(GOS_SAMPLE)) <= told
    assert set(texts(move, Kind.IGNORED)) == {"disableInflux", "seelogConfig", "kafkaConfig"}
    assert texts(move, Kind.REFUSED) == {}
    assert {"toPasswd", "influxPassword", "influxUrls", "toUrl"} == set(texts(move, Kind.INSECURE))


def test_kafka_in_use_is_refused_and_says_who_still_needs_go_s(old: Path) -> None:
    move = moved(old, kafkaConfig={"enable": True, "brokers": "kafka:9092"})
    assert "still needs Go's" in texts(move, Kind.REFUSED)["kafkaConfig.enable"]
    assert "kafkaConfig.enable" in (move.problem or "")
    assert "kafkaConfig" not in move.converted


def test_influxdb_switched_off_is_refused(old: Path) -> None:
    move = moved(old, disableInflux=True)
    assert "disableInflux" in texts(move, Kind.REFUSED)
    assert "disableInflux" in (move.problem or "")


def test_a_key_that_nobody_knows_is_refused_with_what_may_be_meant(old: Path) -> None:
    told = texts(moved(old, pollingIntervall=5), Kind.REFUSED)
    assert told["pollingIntervall"].endswith("(is pollingInterval meant?)")


@pytest.mark.parametrize(
    ("key", "value"),
    [("toRequestTimeout", -1), ("pollingInterval", "10"), ("influxUrls", "http://localhost")],
)
def test_a_value_that_tstats_refuses_is_left_to_the_default(old: Path, key: str, value: object) -> None:
    move = moved(old, **{key: value})
    assert key in texts(move, Kind.REFUSED)
    assert key in (move.problem or "")
    assert key not in move.converted


def test_a_zero_is_the_default_as_in_go(old: Path) -> None:
    move = moved(old, toRequestTimeout=0)
    assert (move.problem, texts(move, Kind.SAME)["toRequestTimeout"]) == (None, "")


def test_monitors_without_a_status_are_told_of(old: Path) -> None:
    assert "Go asks no monitor" in texts(moved(old, statusToMon=""), Kind.CHANGED)["statusToMon"]
    assert "statusToMon" not in texts(moved(old), Kind.CHANGED)


def test_go_s_nowhere_is_null_and_levels_that_are_not_named_stay_silent(old: Path) -> None:
    move = moved(old, logs={"error": "stderr", "info": "null", "debug": "", "Event": "/var/log/e"})
    assert move.converted["logs"] == {
        "error": "stderr",
        "warning": None,
        "info": None,
        "debug": None,
        "event": "/var/log/e",
    }
    assert [note.text for note in move.notes if note.key == "logs"] == [
        "warning not named: nowhere in Go's, stderr in tstats"
    ]


def test_go_s_words_for_nowhere_mean_the_same(old: Path) -> None:
    move = moved(old, logs={"error": "stderr", "warning": "", "info": "null"})
    assert [(note.kind, note.text) for note in move.notes if note.key == "logs"] == [(Kind.SAME, "")]


def test_the_summaries_go_on_to_traffic_ops(old: Path) -> None:
    move = moved(old)
    assert "summarySink" in texts(move, Kind.CHANGED)
    assert move.converted["summarySink"] == "trafficOps"
    kept = moved(old, summarySink="database")
    assert "summarySink" not in texts(kept, Kind.CHANGED)
    assert kept.converted["summarySink"] == "database"


def test_several_servers_make_the_write_mode_worth_setting(old: Path) -> None:
    assert "influxWriteMode" not in texts(moved(old), Kind.WORTH_SETTING)
    several = moved(old, influxUrls=["http://a:8086", "udp://b:8089"])
    assert "influxWriteMode" in texts(several, Kind.WORTH_SETTING)
    assert "stays with one" in " ".join(
        note.text for note in several.of(Kind.CHANGED) if note.key == "influxUrls"
    )


def test_an_unverified_certificate_of_go_s_is_named(old: Path) -> None:
    assert "toCaCert" in texts(moved(old), Kind.INSECURE)["toUrl"]
    assert "toUrl" not in texts(moved(old, toCaCert="/etc/ca.pem"), Kind.INSECURE)
    assert "in clear" in texts(moved(old, toUrl="http://to.example.com"), Kind.INSECURE)["toUrl"]


# --- the command


def test_the_text_says_it_all_and_shows_no_password(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    moved(old, toPasswd=PASSWORD, influxPassword=PASSWORD, seelogConfig="/x.xml")
    assert ended(old) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("means the same:\n  toUrl, influxUrls, statusToMon, toPasswd, influxPassword\n")
    for words in ("ignored:\n  seelogConfig:", "insecure:\n  toPasswd:", "worth setting:\n  spoolDirectory:"):
        assert words in shown
    assert shown.endswith(f"tstats collect starts with {old} as it is\n")
    assert PASSWORD not in shown


def test_the_json_says_whether_it_starts(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    moved(old, disableInflux=True, toPasswd=PASSWORD)
    assert ended(old, "--output", "json") == 0
    shown = capsys.readouterr().out
    told = json.loads(shown)
    assert (told["startsAsItIs"], told["written"]) == (False, None)
    assert "disableInflux" in told["problem"]
    assert {"kind": "means the same", "key": "toUrl", "text": None} in told["notes"]
    assert PASSWORD not in shown


def test_the_converted_file_can_be_used_and_is_its_owner_s_alone(old: Path, tmp_path: Path) -> None:
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
    again = read(new)
    assert (again.problem, again.of(Kind.REFUSED), again.of(Kind.IGNORED)) == (None, (), ())
    assert again.converted == json.loads(new.read_text())


def test_a_file_that_is_there_is_replaced_only_when_that_is_asked_for(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved(old)
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


def test_a_folder_that_is_not_there_is_an_error(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved(old)
    assert ended(old, "--write", tmp_path / "none" / "new.cfg") == 1
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_configuration_ends_with_2(
    old: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        old.write_bytes(content)
    assert ended(old) == 2
    assert str(old) in capsys.readouterr().err
