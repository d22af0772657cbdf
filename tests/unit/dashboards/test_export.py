"""`tstats dashboards export` and `links`: the files by which Grafana provisions itself, and URLs."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.dashboards import SOURCES
from tstats.command import exits
from tstats.dashboards.command import app
from tstats.dashboards.json_models import json_models

Run = Callable[..., int]


@pytest.fixture
def run() -> Run:
    """Run a command in this process and return its exit status."""

    def command(*arguments: str) -> int:
        with pytest.raises(SystemExit) as caught:
            exits.run(app, arguments)
        assert isinstance(caught.value.code, int)
        return caught.value.code

    return command


def provisioned(folder: Path, kind: str) -> Any:  # noqa: ANN401 (YAML)
    return yaml.safe_load((folder / "provisioning" / kind / "tstats.yaml").read_text(encoding="utf-8"))


def test_it_writes_every_dashboard_and_the_provisioning(run: Run, tmp_path: Path) -> None:
    assert run("export", str(tmp_path / "new" / "folder")) == 0
    written = {
        str(file.relative_to(tmp_path / "new/folder")) for file in tmp_path.rglob("*") if file.is_file()
    }
    assert written == {
        *(f"dashboards/{uid}.json" for uid in json_models()),
        "provisioning/dashboards/tstats.yaml",
        "provisioning/datasources/tstats.yaml",
    }
    for uid, text in json_models().items():
        assert (tmp_path / "new/folder/dashboards" / f"{uid}.json").read_text(encoding="utf-8") == text


def test_a_second_run_changes_nothing(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("export", str(tmp_path))
    before = {file: (file.stat().st_mtime_ns, file.stat().st_ino) for file in tmp_path.rglob("*")}
    capsys.readouterr()
    assert run("export", str(tmp_path)) == 0
    assert {file: (file.stat().st_mtime_ns, file.stat().st_ino) for file in tmp_path.rglob("*")} == before
    assert {line.split()[0] for line in capsys.readouterr().out.splitlines()} == {"unchanged"}


def test_a_changed_file_is_written_again(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("export", str(tmp_path))
    (tmp_path / "dashboards/tstats-cdn.json").write_text("{}")
    capsys.readouterr()
    assert run("export", str(tmp_path)) == 0
    written = [line.split()[1] for line in capsys.readouterr().out.splitlines() if line.startswith("written")]
    assert written == [str(tmp_path / "dashboards/tstats-cdn.json")]
    assert list(tmp_path.rglob(".*")) == []


def test_the_provider_points_at_the_dashboards(run: Run, tmp_path: Path) -> None:
    run("export", str(tmp_path))
    (provider,) = provisioned(tmp_path, "dashboards")["providers"]
    assert provider["options"]["path"] == str(tmp_path / "dashboards")
    assert (provider["folderUid"], provider["type"]) == ("tstats", "file")
    run("export", str(tmp_path), "--dashboards-path", "/srv/a $folder")
    (provider,) = provisioned(tmp_path, "dashboards")["providers"]
    assert provider["options"]["path"] == "/srv/a $$folder"


def test_the_data_sources_are_those_of_the_panels(run: Run, tmp_path: Path) -> None:
    run(
        "export",
        str(tmp_path),
        "--influx-url",
        "https://influx.example:8086/",
        "--prometheus-url",
        "http://p:9090",
    )
    listed = {source["uid"]: source for source in provisioned(tmp_path, "datasources")["datasources"]}
    assert {uid: source["type"] for uid, source in listed.items()} == {
        uid: source.type for uid, source in SOURCES.items()
    }
    cache_stats = listed["tstats-cache-stats"]
    assert cache_stats["jsonData"]["dbName"] == "cache_stats"
    assert cache_stats["url"] == "https://influx.example:8086"
    assert listed["tstats-prometheus"]["url"] == "http://p:9090"
    assert not any("secureJsonData" in source for source in listed.values())


def test_the_password_stays_in_the_environment_of_grafana(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TSTATS_INFLUX_PASSWORD", "twelve12")
    run("export", str(tmp_path), "--influx-user", "grafana")
    listed = provisioned(tmp_path, "datasources")["datasources"]
    influx = [source for source in listed if source["type"] == "influxdb"]
    assert {source["user"] for source in influx} == {"grafana"}
    assert {source["secureJsonData"]["password"] for source in influx} == {"${TSTATS_INFLUX_PASSWORD}"}
    assert not any("twelve12" in file.read_text() for file in tmp_path.rglob("*") if file.is_file())


def test_a_folder_that_cannot_be_written_is_an_error(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert run("export", str(tmp_path / "file")) == 1
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", ["influx:8086", "ftp://influx", "http://user:twelve12@influx:8086", "http://[", "http://a?b"]
)
def test_an_invalid_url_is_wrong_usage(
    run: Run, tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("export", str(tmp_path / "new"), "--influx-url", url) == 2
    err = capsys.readouterr().err
    assert "--influx-url" in err
    assert "twelve12" not in err
    assert not (tmp_path / "new").exists()


def test_without_the_package_the_error_says_what_to_install(tmp_path: Path) -> None:
    program = """
import subprocess
import sys
sys.modules["grafana_foundation_sdk"] = None
from tstats.command import exits
from tstats.dashboards.command import app
exits.run(app, sys.argv[1:])
"""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    exported = run("export", str(tmp_path))
    assert exported.returncode == 1
    assert "pip install 'tstats[grafana]'" in exported.stderr
    assert exported.stderr.count("\n") == 1
    # Links work without it.
    assert run("links", "--grafana-url", "http://grafana.example").returncode == 0


def test_links_are_printed_for_people_and_for_scripts(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("links", "--grafana-url", "https://grafana.example") == 0
    lines = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert run("links", "--grafana-url", "https://grafana.example", "--output", "json") == 0
    assert json.loads(capsys.readouterr().out) == lines
    assert lines["server_graph_url"] == "https://grafana.example/d/tstats-server/tstats-server?var-hostname="
