"""Every command that README.md and docs/ show is run, as a reader would type it, on a healthy installation.

Servers, paths and passwords are replaced by those of the test. Each page starts with its own configuration
and spool, and an empty second InfluxDB. Tools run in this process, except those that keep running: they are
started, seen to work, and stopped.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from influxdb_tools import create_ts_databases, sync_ts_databases
from tests.support.api_server import ApiServer
from tests.support.commands import command
from tests.support.emptied import emptied
from tests.support.influxd import Influxd
from tests.support.installation import Installation
from tests.support.program import Program
from tests.support.shown_commands import CHECKOUT, PAGES, TOOLS, Shown, commands
from tests.support.stand_in_grafana import TOKEN, StandInGrafana
from tstats.cli import app
from tstats.command import exits
from tstats.config import loading as config
from tstats.simulator.server import Simulator
from tstats.simulator.world import World

NOT_RUN = {
    r"scripts/(demo|test)$": "would run this test again, or takes too long",
    r"systemctl |systemd-sysusers|journalctl |runuser ": "needs systemd as process 1",
    r"install -m |cp -r /etc": "changes the machine's /usr and /etc",
    r"docker ": "needs a container engine",
    r"python3 -m venv /opt|.*/pip install |export PATH=": "needs a package index: scripts/wheel does it",
}
MAY_DIFFER = re.compile(r"--check|rollup status|db check")  # exit status 3: something differs
MAY_COMPLAIN = re.compile(r"tstats (doctor|migrate-config)")  # exit status 1: something is left to do
LASTING = {  # what appears in the log or the output once it works
    "tstats collect": "event=published",
    "tstats api": r"event=listening url=\S+ ",
    "tstats simulate": "Stop with Ctrl-C",
}
TOOL_RUNS: dict[str, Callable[[list[str]], object]] = {
    "tstats": lambda arguments: exits.run(app, arguments, go_flags={"cfg"}),
    "create_ts_databases": create_ts_databases.main,
    "sync_ts_databases": sync_ts_databases.main,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """The servers that the shown commands use.

    Attributes:
        started: the commands that keep running and have been started; once is enough for all pages.
    """

    installation: Installation
    influx: Influxd
    other: Influxd
    grafana: StandInGrafana
    api: ApiServer
    started: set[tuple[str, ...]] = field(default_factory=set)


@pytest.fixture(scope="module")
def servers(
    influxd: Influxd, other_influxd: Influxd, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Servers]:
    """All servers, and a healthy installation on them."""
    folder = tmp_path_factory.mktemp("docs")
    influx = emptied(influxd)
    with (
        Simulator(World.build(cdns=2, caches=3, delivery_services=2)) as simulator,
        StandInGrafana() as grafana,
    ):
        installation = Installation(folder, influx, simulator)
        installation.configure(pollingInterval=1, publishingInterval=1)
        with ApiServer(config.load(installation.file, environment={})) as api:
            yield Servers(
                installation=installation, influx=influxd, other=other_influxd, grafana=grafana, api=api
            )
    influx.close()


class Reader:
    """A reader who types what a page shows.

    Attributes:
        folder: the working directory, which also stands in for folders of the machine.
    """

    def __init__(self, folder: Path, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.servers = servers
        self.monkeypatch = monkeypatch
        installation, settings = servers.installation, servers.installation.settings
        shutil.copytree(installation.folder, folder, dirs_exist_ok=True)
        for name in ("etc", "opt", "backups"):
            (folder / name).mkdir()
        values = settings | {"spoolDirectory": str(folder / "spool")}
        for file in (folder, folder / "etc", folder / "opt"):
            (file / "traffic_stats.cfg").write_text(json.dumps(values), encoding="utf-8")
            (file / "traffic_stats.cfg").chmod(0o600)
        (folder / "token").write_text(TOKEN, encoding="utf-8")
        login = {"u": installation.simulator.user, "p": installation.simulator.password}
        (folder / "login.json").write_text(json.dumps(login), encoding="utf-8")
        self.session = self._log_in()
        monkeypatch.chdir(folder)

    def types(self, text: str) -> None:
        """Run a command, and check that it does not fail."""
        here = self._here(text)
        words = shlex.split(here)
        if words[0] == "export":
            for word in words[1:]:
                name, _, value = word.partition("=")
                self.monkeypatch.setenv(name, value)
        elif words[0] == "unset":
            for word in words[1:]:
                self.monkeypatch.delenv(word)
        elif (lasting := self._lasting(text)) is not None:
            self._start(words, until=lasting)
        elif re.match(r"([A-Z_]+=\S* )*(" + "|".join(TOOLS) + r")\b[^>|]*$", here):
            self._run_tool(text, words)
        else:
            self._run_in_a_shell(here)

    def _here(self, text: str) -> str:
        """Return the command with the servers, paths and passwords of the test."""
        servers = self.servers
        source, target = servers.influx.url, servers.other.url
        traffic_ops = servers.installation.simulator.traffic_ops_url
        for old, new in (
            (r"(--source-url|--url) (http://127\.0\.0\.1:\d+|…)", rf"\1 {source}"),
            (r"--target-url (http://127\.0\.0\.1:\d+|…)", rf"--target-url {target}"),
            (r"http://(localhost|influxdb|site-a):8086", source),
            (r"http://(trial|site-b):8086", target),
            (r"(backup .*-host) \S+", rf"\1 127.0.0.1:{servers.influx.backup_port}"),
            (r"(restore .*-host) \S+", rf"\1 127.0.0.1:{servers.other.backup_port}"),
            (r"https://to\.example\.com|http://127\.0\.0\.1:\d+(?=/api/5\.0/user/login)", traffic_ops),
            (r"http://127\.0\.0\.1:(8080|\d+(?=/api/5\.0/\w+_s))", servers.api.url),
            (r"--bind \S+|(?<=^tstats api)(?!.*--bind)", " --bind 127.0.0.1:0"),
            (r"https://grafana\.example", servers.grafana.url),
            (r"TSTATS_GRAFANA_TOKEN=…", f"TSTATS_GRAFANA_TOKEN={TOKEN}"),
            (r"/run/secrets/grafana", str(self.folder / "token")),
            (r'"(…|twelve12)"', f'"{servers.installation.simulator.password}"'),
            (r"--database-url URL", f"--database-url sqlite:///{self.folder / 'tstats.db'}"),
            (r"--start T --end T", f"--start {moment(minutes=10)} --end {moment(minutes=5)}"),
            (r"\d{4}-\d\d-\d\d(?!T)", day(2)),
            (r"/etc/tstats/", f"{self.folder}/etc/"),
            (r"/opt/traffic_stats/conf/", f"{self.folder}/opt/"),
            (r"/var/lib/tstats/", f"{self.folder}/"),
            (r"/var/backups/", f"{self.folder}/backups/"),
            (r"^deploy/make-secrets", f"{CHECKOUT}/deploy/make-secrets {self.folder}/secrets"),
            (r"^curl ", "curl --fail-with-body --max-time 60 "),
            (r"tstats simulate .*", f"tstats simulate --port 0 --write-cfg {self.folder}/simulated.cfg"),
        ):
            text = re.sub(old, new, text)
        return text

    def _lasting(self, text: str) -> str | None:
        """Return what shows that a command works that never ends on its own; None for all others."""
        for beginning, sign in LASTING.items():
            if text.startswith(beginning) and "--once" not in text:
                return sign
        return None

    def _start(self, words: list[str], *, until: str) -> None:
        exported = {name: value for name, value in os.environ.items() if name.startswith("TSTATS_")}
        kind = (*words[:2], *exported)
        if kind in self.servers.started:
            return
        with Program([command(words[0]), *words[1:]], log=self.folder / "lasting.log") as program:
            program.wait_for_text(until, seconds=60)
            if url := re.search(r"event=listening url=(\S+)", program.log()):
                program.wait_until(lambda: answers(url[1]), f"an answer from {url[1]}", seconds=60)
            program.stop(seconds=60)
            assert program.process.returncode == 0, program.log()
        self.servers.started.add(kind)

    def _run_tool(self, text: str, words: list[str]) -> None:
        with self.monkeypatch.context() as patched:
            while "=" in words[0]:
                name, _, value = words.pop(0).partition("=")
                patched.setenv(name, value)
            if "--write" in words and words[1] == "migrate-config":
                Path(words[-1]).unlink()  # it must not exist yet; later commands use it
            with pytest.raises(SystemExit) as ended:
                TOOL_RUNS[words[0]](words[1:])
        expected = (
            {0} | ({3} if MAY_DIFFER.search(text) else set()) | ({1} if MAY_COMPLAIN.match(text) else set())
        )
        assert ended.value.code in expected

    def _run_in_a_shell(self, line: str) -> None:
        paths = os.pathsep.join([str(Path(command("tstats")).parent), os.environ["PATH"]])
        environment = {"PATH": paths, "HOME": str(self.folder), **self.session}
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],  # noqa: S607 (the shell of the reader)
            env=environment,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _log_in(self) -> dict[str, str]:
        """Return the variables that a page expects to be set after a login."""
        simulator = self.servers.installation.simulator
        answer = requests.post(
            f"{simulator.traffic_ops_url}/api/4.0/user/login",
            json={"u": simulator.user, "p": simulator.password},
            timeout=30,
        )
        cookies = answer.cookies.get_dict()
        return {"session": cookies["mojolicious"], "TOKEN": cookies["access_token"]}


def answers(url: str) -> bool:
    """Return whether an API answers at this URL."""
    try:
        return requests.get(f"{url}/api/5.0/ping", timeout=30).ok
    except requests.ConnectionError:
        return False


def moment(*, minutes: int) -> str:
    """Return a time that many minutes ago, as the tools take it."""
    return (datetime.now(UTC) - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:00Z")


def day(ago: int) -> str:
    """Return the day that many days ago, as the tools take it."""
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() - ago * 86_400))


def reason_not_to(text: str) -> str | None:
    """Return why a command is not run; None if it is."""
    return next((reason for shown, reason in NOT_RUN.items() if re.match(shown, text)), None)


SHOWN = {page: list(commands(page)) for page in PAGES}
RUN: dict[Path, list[Shown]] = {
    page: [shown for shown in found if reason_not_to(shown.text) is None] for page, found in SHOWN.items()
}


@pytest.mark.parametrize("page", [page for page, run in RUN.items() if run], ids=lambda page: page.name)
def test_the_commands_of_a_page_work(
    page: Path, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emptied(servers.other).close()
    servers.grafana.clear()
    reader = Reader(tmp_path, servers, monkeypatch)
    for shown in RUN[page]:
        try:
            reader.types(shown.text)
        except BaseException as error:
            error.add_note(f"shown by {shown}")
            raise


@pytest.mark.parametrize(
    "text",
    [
        "tstats rollup status --cfg nowhere.cfg",
        "tstats rollup statsu --cfg traffic_stats.cfg",
        "curl -s 'http://127.0.0.1:8080/api/5.0/nothing'",
    ],
)
def test_a_command_that_fails_is_noticed(
    text: str, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AssertionError):
        Reader(tmp_path, servers, monkeypatch).types(text)


def test_every_tool_is_shown() -> None:
    text = "\n".join(shown.text for found in SHOWN.values() for shown in found)
    assert all(re.search(rf"^{tool} ", text, re.MULTILINE) for tool in TOOLS)
    assert len(text.splitlines()) > 80


@pytest.mark.parametrize("pattern", NOT_RUN)
def test_every_exception_is_needed(pattern: str) -> None:
    assert any(re.match(pattern, shown.text) for found in SHOWN.values() for shown in found)
