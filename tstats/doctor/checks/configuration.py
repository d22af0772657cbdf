"""The checks of the file: that it can be used, and that nobody else reads its passwords."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from tstats.config import loading as config
from tstats.config.loading import environment_name
from tstats.config.settings import Settings
from tstats.doctor.checks.traffic_ops import is_loopback
from tstats.doctor.diagnosis import Finding, Verdict, counted, shown
from tstats.errors import ConfigError

AREA = "configuration"
_OTHERS = 0o007


def configuration(path: Path, environment: Mapping[str, str]) -> tuple[Settings | None, list[Finding]]:
    """The settings, None where the file cannot be used, and what is to say about them."""
    try:
        settings = config.load(path, environment)
    except ConfigError as error:
        remedy = "mend what is named; tstats migrate-config tells more about a file of Go's"
        return None, [_finding("file", Verdict.WRONG, str(error), remedy)]
    variables = sorted(name for name in environment if name.startswith("TSTATS_") and name != "TSTATS_CFG")
    text = f"{path} can be used"
    if variables:
        text += f", with {counted(len(variables), 'key')} from the environment ({shown(variables)})"
    found = [_finding("file", Verdict.OK, text)]
    if settings.seelog_config is not None:
        text = "seelogConfig is ignored: all goes to where the key logs says"
        found.append(
            _finding("log", Verdict.WARNING, text, "remove seelogConfig, and set logs if stderr is wrong")
        )
    found.append(_secrets(path, settings, environment))
    found.extend(_in_clear(settings))
    return settings, found


def _finding(check: str, verdict: Verdict, text: str, remedy: str = "") -> Finding:
    return Finding(area=AREA, check=check, verdict=verdict, text=text, remedy=remedy)


def _secrets(path: Path, settings: Settings, environment: Mapping[str, str]) -> Finding:
    """Whether any user of this machine can read a file with a password."""
    files = [settings.to_passwd_file, settings.influx_password_file]
    inside = {
        "toPasswd": settings.to_passwd and not settings.to_passwd_file,
        "influxPassword": settings.influx_password and not settings.influx_password_file,
        "databaseUrl": settings.database_url,
    }
    kept = [key for key, given in inside.items() if given and environment_name(key) not in environment]
    open_files = [file for file in ([str(path)] if kept else []) + files if file and _is_open(Path(file))]
    if open_files:
        remedy = f"chmod o= {' '.join(open_files)}"
        return _finding("secrets", Verdict.WARNING, f"every user can read {shown(open_files)}", remedy)
    where = (
        f"in the file ({shown(kept)}), which others cannot read"
        if kept
        else "in files of their own, the environment, or none"
    )
    return _finding("secrets", Verdict.OK, f"passwords are {where}")


def _is_open(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & _OTHERS)
    except OSError:
        return False


def _in_clear(settings: Settings) -> Iterator[Finding]:
    """InfluxDBs to which a password goes where others may read it; Traffic Ops has a check of its own."""
    if not settings.influx_user:
        return
    bare = [url for url in settings.influx_urls if url.startswith("http://") and not is_loopback(url)]
    if bare:
        text = f"the password of influxUser goes in clear to {counted(len(bare), 'InfluxDB')}"
        yield _finding("transport", Verdict.WARNING, text, "use https:// in influxUrls")
    elif settings.influx_insecure:
        text = "the certificates of InfluxDB are not verified (influxInsecure)"
        yield _finding(
            "transport", Verdict.WARNING, text, "name the certificate that signed them in influxCaCert"
        )
