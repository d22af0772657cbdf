"""Checks that need no server."""

from pathlib import Path

import pytest

from tstats.doctor.checks.configuration import ConfigurationFileCheck, SecretsCheck, TransportCheck
from tstats.doctor.diagnosis import Verdict


def test_the_keys_from_the_environment_are_counted(tmp_path: Path) -> None:
    (found,) = ConfigurationFileCheck(path=tmp_path, variables=["TSTATS_TO_URL"]).look()
    assert found.text == f"{tmp_path} is valid, with 1 key from the environment (TSTATS_TO_URL)"


@pytest.mark.parametrize(
    ("url", "insecure", "texts"),
    [
        ("http://influxdb:8086", False, ["the password of influxUser is sent in clear text to 1 InfluxDB"]),
        ("https://influxdb:8086", True, ["the certificates of InfluxDB are not verified (influxInsecure)"]),
        ("https://influxdb:8086", False, []),
        ("http://localhost:8086", False, []),
        ("http://127.0.0.1:8086", False, []),
    ],
)
def test_the_way_of_the_password(url: str, insecure: bool, texts: list[str]) -> None:  # noqa: FBT001
    found = list(TransportCheck(urls=[url], insecure=insecure).look())
    assert [finding.text for finding in found] == texts
    assert {finding.verdict for finding in found} <= {Verdict.WARNING}


def test_a_password_file_that_everyone_can_read(tmp_path: Path) -> None:
    configuration, password = tmp_path / "traffic_stats.cfg", tmp_path / "password"
    configuration.touch(0o644)
    password.touch(0o640)
    check = SecretsCheck(path=configuration, keys=(), files=[str(password), str(tmp_path / "none")])
    assert [finding.verdict for finding in check.look()] == [Verdict.OK]
    password.chmod(0o644)
    (found,) = check.look()
    assert (found.verdict, found.remedy) == (Verdict.WARNING, f"chmod o= {password}")
