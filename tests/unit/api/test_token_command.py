"""The commands `tstats token …`."""

import json
from pathlib import Path

import pytest

from tstats.cli import app
from tstats.command import exits


@pytest.fixture
def cfg(tmp_path: Path) -> Path:
    path = tmp_path / "traffic_stats.cfg"
    content = {
        "apiAuth": "tokens",
        "influxUrls": ["http://localhost:8086"],
        "apiTokensFile": str(tmp_path / "t.json"),
    }
    path.write_text(json.dumps(content))
    return path


class Command:
    """Run `tstats token` in this process."""

    def __init__(self, cfg: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._cfg = cfg
        self._capsys = capsys

    def __call__(self, *arguments: str, with_cfg: bool = True) -> tuple[int, str, str]:
        cfg = ["--cfg", str(self._cfg)] if with_cfg else []
        with pytest.raises(SystemExit) as ended:
            exits.run(app, ["token", *arguments, *cfg])
        out, err = self._capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err


@pytest.fixture
def token(cfg: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    for variable in ("TSTATS_CFG", "TSTATS_API_TOKENS_FILE"):
        monkeypatch.delenv(variable, raising=False)
    return Command(cfg, capsys)


def listed(token: Command) -> list[dict[str, str | None]]:
    status, out, _ = token("list", "--output", "json")
    assert status == 0
    found: list[dict[str, str | None]] = json.loads(out)
    return found


def test_a_token_is_shown_only_once(token: Command) -> None:
    status, out, err = token("create", "grafana")
    assert status == 0
    assert out.startswith("tst_")
    assert out.count("\n") == 1
    assert "grafana may read, until " in err
    later = [*token("list")[1:], *token("list", "--output", "json")[1:]]
    assert not any(out.strip() in text for text in (err, *later))


def test_the_list_shows_name_times_rights_and_state(token: Command) -> None:
    token("create", "reader", "--expires", "never")
    token("create", "writer", "--write")
    token("create", "old")
    assert token("revoke", "old")[:2] == (0, "old is revoked\n")
    assert [(row["name"], row["rights"], row["state"]) for row in listed(token)] == [
        ("reader", "read", "active"),
        ("writer", "read-write", "active"),
        ("old", "read", "revoked"),
    ]
    assert [row["expires"] is None for row in listed(token)] == [True, False, False]
    rows = token("list")[1].splitlines()
    assert rows[0].split() == ["NAME", "CREATED", "EXPIRES", "RIGHTS", "STATE"]
    assert rows[1].split()[2:] == ["never", "read", "active"]


def test_an_empty_list(token: Command) -> None:
    assert token("list")[:2] == (0, "no tokens\n")
    assert listed(token) == []


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["create", "a b"], 1, "invalid name 'a b'"),
        (["create", "a", "--expires", "soon"], 2, "invalid lifetime 'soon'"),
        (["create"], 2, "Missing argument"),
        (["revoke", "nobody"], 1, "has no token 'nobody'"),
    ],
)
def test_errors_are_one_line(token: Command, arguments: list[str], status: int, words: str) -> None:
    ended, out, err = token(*arguments)
    assert (ended, out, err.count("\n")) == (status, "", 1)
    assert words in err


def test_a_name_is_taken_while_its_token_is_active(token: Command) -> None:
    token("create", "a")
    assert token("create", "a")[0] == 1
    token("revoke", "a")
    assert token("create", "a")[0] == 0


def test_the_file_can_be_given_instead_of_the_configuration(token: Command, tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    assert token("create", "a", "--file", str(file), with_cfg=False)[0] == 0
    assert file.exists()
    status, _, err = token("list", with_cfg=False)
    assert status == 2
    assert "error: give --cfg or --file" in err
