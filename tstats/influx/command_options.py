"""The options by which create_ts_databases and sync_ts_databases reach an InfluxDB.

A command with two servers gives each a prefix: `source` makes `--source-user` and `SOURCE_INFLUX_PASSWORD`.
The client is imported where it is used: importing it takes longer than all else that `--help` does.
"""

import getpass
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tstats.command.options import at_most_one, parsed, refuse
from tstats.command.output import RetryLines, say
from tstats.config.secret_file import read_secret
from tstats.core.secret import Secret

if TYPE_CHECKING:
    from tstats.influx.client import Endpoint, Influx

_LONGEST_TIMEOUT = 24 * 3600.0

Timeout = Annotated[
    float,
    typer.Option(metavar="SECONDS", help="Longest wait for a connection, and for each part of a response."),
]
Insecure = Annotated[bool, typer.Option("--insecure", help="Do not verify the server's certificate.")]


def _option(prefix: str, name: str) -> str:
    return f"--{prefix}-{name}" if prefix else f"--{name}"


def _variable(prefix: str) -> str:
    """Return the environment variable that holds the password of the server with this prefix."""
    return f"{prefix}_INFLUX_PASSWORD".upper().lstrip("_")


def credentials_hint(prefix: str = "") -> str:
    """Say where the user and password of the server with this prefix come from."""
    file, variable = _option(prefix, "password-file"), _variable(prefix)
    return f"{_option(prefix, 'user')} and its password ({file} or {variable})"


def user_option(prefix: str = "") -> Any:  # noqa: ANN401 (as typer.Option does)
    """Return the option of the user's name, for `Annotated[str, …]`."""
    return typer.Option(
        _option(prefix, "user"), metavar="USER", help="User name, if the server requires authentication."
    )


def password_option(prefix: str = "") -> Any:  # noqa: ANN401 (as typer.Option does)
    """Return the option of the password, for `Annotated[str | None, …]`."""
    return typer.Option(
        _option(prefix, "password"),
        metavar="PASSWORD",
        help="Password of that user. Other users of this machine can see it here: prefer"
        f" {_option(prefix, 'password-file')} or the variable {_variable(prefix)}. With a user and none of"
        " these, a terminal is asked for it.",
    )


def password_file_option(prefix: str = "") -> Any:  # noqa: ANN401 (as typer.Option does)
    """Return the option of the file that holds the password, for `Annotated[Path | None, …]`."""
    return typer.Option(
        _option(prefix, "password-file"),
        exists=True,
        dir_okay=False,
        readable=True,
        metavar="FILE",
        help="A file whose first line is the password.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A user and its password.

    Attributes:
        user: empty for a server without authentication.
        password: empty where none was found.
    """

    user: str = ""
    password: Secret

    @classmethod
    def find(cls, *, user: str, password: str | None, file: Path | None, prefix: str = "") -> "Credentials":
        """Take the password from its option or file, else from the environment, else from the terminal.

        Args:
            user: the value of the option; empty where it was not given.
            password: the value of the option; None where it was not given.
            file: has the password in its first line; None where it was not given.
            prefix: of the options and of the environment variable.

        Raises:
            UsageError: both a password and a file are given.
            typer.BadParameter: the file cannot be read, or has no password.
        """
        file_option = _option(prefix, "password-file")
        at_most_one({_option(prefix, "password"): password is not None, file_option: file is not None})
        if password is not None:
            return cls(user=user, password=Secret(password))
        if file is not None:
            return cls(user=user, password=parsed(read_secret, file, file_option))
        if held := os.environ.get(_variable(prefix)):
            return cls(user=user, password=Secret(held))
        if user and sys.stdin.isatty():
            typed = getpass.getpass(f"password of {user}: ", stream=sys.stderr)
            return cls(user=user, password=Secret(typed))
        return cls(user=user, password=Secret())


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOptions:
    """How to connect to each of the servers.

    Attributes:
        timeout: in seconds, above 0 and at most a day.
        retries: how often a failed request is repeated.
        ca_cert: a file of certificates to trust instead of the system's.
        insecure: do not verify certificates.

    Raises:
        UsageError: both `ca_cert` and `insecure` are given.
        typer.BadParameter: the timeout is out of bounds.
    """

    timeout: float
    retries: int
    ca_cert: Path | None = None
    insecure: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.timeout <= _LONGEST_TIMEOUT:  # false for NaN, too
            refuse(f"{self.timeout:g} is not above 0 and at most {_LONGEST_TIMEOUT:g} seconds", "--timeout")
        at_most_one({"--ca-cert": self.ca_cert is not None, "--insecure": self.insecure})

    def endpoint(self, url: str, credentials: Credentials, *, option: str = "--url") -> "Endpoint":
        """Return the server at `url`; a user and password in the URL itself take precedence.

        Raises:
            typer.BadParameter: the URL is invalid; the text names `option`.
        """
        from tstats.influx.client import Endpoint

        own = parsed(Endpoint.parse, url, option)
        return replace(
            own,
            user=own.user or credentials.user,
            password=own.password or credentials.password,
            timeout=self.timeout,
            ca_cert=None if self.ca_cert is None else str(self.ca_cert),
            insecure=self.insecure,
        )

    def open(self, endpoint: "Endpoint", *, connections: int = 10) -> "Influx":
        """Return a client of the server that says each retry on stderr; nothing is sent yet."""
        from tstats.influx.client import Influx
        from tstats.transport.retry import RetryPolicy

        if self.insecure and endpoint.url.startswith("https:"):
            _warn_of_insecurity(endpoint.url)
        policy = RetryPolicy(retries=self.retries, on_retry=RetryLines(retries=self.retries))
        return Influx(endpoint, retry=policy, connections=connections)


def _warn_of_insecurity(url: str) -> None:
    """Warn once, in place of urllib3, which would warn at every request."""
    import warnings

    from urllib3.exceptions import InsecureRequestWarning

    warnings.simplefilter("ignore", InsecureRequestWarning)
    say(f"warning: --insecure: the certificate of {url} is not verified")


def each_once(endpoints: Iterable["Endpoint"]) -> list["Endpoint"]:
    """Return the endpoints in their order, only the first of each URL."""
    found: dict[str, Endpoint] = {}
    for endpoint in endpoints:
        found.setdefault(endpoint.url, endpoint)
    return list(found.values())
