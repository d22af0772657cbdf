"""The checks of the configuration: whether a key is ignored or a password exposed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tstats.doctor.checks.traffic_ops import is_loopback
from tstats.doctor.diagnosis import Finding, format_count, format_names
from tstats.doctor.examine import Check

_AREA = "configuration"
_OTHERS = 0o007


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConfigurationFileCheck(Check):
    """The configuration file, which has been read and is valid.

    Attributes:
        path: of the file.
        variables: the environment variables that override its keys.
    """

    area: str = _AREA
    name: str = "file"
    remedy: str = "fix the file"
    path: Path
    variables: Sequence[str]

    def look(self) -> Iterator[Finding]:
        """Say which file it is, and how many of its keys the environment overrides."""
        text = f"{self.path} is valid"
        if self.variables:
            keys = format_count(len(self.variables), "key")
            text += f", with {keys} from the environment ({format_names(self.variables)})"
        yield self.ok(text)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IgnoredLogConfigCheck(Check):
    """A configuration that has Go's key seelogConfig."""

    area: str = _AREA
    name: str = "log"
    remedy: str = "remove seelogConfig, and set logs if stderr is not what you want"

    def look(self) -> Iterator[Finding]:
        """Warn that it is ignored."""
        yield self.warning("seelogConfig is ignored; the key logs says where log lines go")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SecretsCheck(Check):
    """The files that hold passwords.

    Attributes:
        path: the configuration.
        keys: those whose passwords are in the configuration itself.
        files: the files that hold one password each.
    """

    area: str = _AREA
    name: str = "secrets"
    remedy: str = "let only the user of tstats read the files with passwords"
    path: Path
    keys: Sequence[str]
    files: Sequence[str]

    def look(self) -> Iterator[Finding]:
        """Check that not every user of this machine can read them."""
        files = [str(self.path), *self.files] if self.keys else self.files
        readable = [file for file in files if _is_open_to_others(Path(file))]
        if readable:
            text = f"every user of this machine can read {format_names(readable)}"
            yield self.warning(text, f"chmod o= {' '.join(readable)}")
        elif self.keys:
            keys = format_names(self.keys)
            yield self.ok(f"passwords are in the file ({keys}), which other users cannot read")
        else:
            yield self.ok("no passwords are in the file itself")


def _is_open_to_others(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & _OTHERS)
    except OSError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TransportCheck(Check):
    """How the password of influxUser is sent; that of toUser has a check of its own.

    Attributes:
        urls: the InfluxDBs.
        insecure: whether their certificates are not verified.
    """

    area: str = _AREA
    name: str = "transport"
    remedy: str = "use https:// in influxUrls"
    urls: Sequence[str]
    insecure: bool

    def look(self) -> Iterator[Finding]:
        """Check that nobody can read it on the network; all being well, there is no finding."""
        unencrypted = [url for url in self.urls if url.startswith("http://") and not is_loopback(url)]
        if unencrypted:
            servers = format_count(len(unencrypted), "InfluxDB")
            yield self.warning(f"the password of influxUser is sent in clear text to {servers}")
        elif self.insecure:
            remedy = "set influxCaCert to the CA certificate that signed them, and remove influxInsecure"
            yield self.warning("the certificates of InfluxDB are not verified (influxInsecure)", remedy)
