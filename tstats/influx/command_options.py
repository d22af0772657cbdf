"""The options by which both tools reach an InfluxDB, and what they make of them.

A tool with two servers gives each a prefix: `source` makes `--source-user` and `SOURCE_INFLUX_PASSWORD`.
The store and its client are imported where they are used: importing them costs most of the time of `--help`.
"""

import getpass
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tstats.core.secret import Secret
from tstats.errors import ConfigError

if TYPE_CHECKING:
    from tstats.influx.client import Endpoint, Influx

LONGEST_TIMEOUT = 24 * 3600.0

Timeout = Annotated[
    float,
    typer.Option(metavar="SECONDS", help="Longest wait for a connection and between two bytes of an answer."),
]
Retries = Annotated[
    int,
    typer.Option(
        min=0,
        metavar="N",
        help="How often a request is sent again when the server is out of reach, too slow or answers 5xx."
        " What it refuses (a wrong password, for one) is never sent again.",
    ),
]
CaCert = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        readable=True,
        metavar="FILE",
        help="Trust the certificates in this file (PEM) instead of the system's.",
    ),
]
Insecure = Annotated[bool, typer.Option("--insecure", help="Do not verify the server's certificate.")]


def _option(prefix: str, name: str) -> str:
    return f"--{prefix}-{name}" if prefix else f"--{name}"


def _variable(prefix: str) -> str:
    """The environment variable that holds the password of the server with this prefix."""
    return f"{prefix}_INFLUX_PASSWORD".upper().lstrip("_")


def credentials_hint(prefix: str = "") -> str:
    """Where the user and password of the server with this prefix come from."""
    file, variable = _option(prefix, "password-file"), _variable(prefix)
    return f"{_option(prefix, 'user')} and its password ({file} or {variable})"


def user_option(prefix: str = "") -> Any:  # noqa: ANN401 (Typer's own type for it)
    """The option of the user's name, for `Annotated[str, …]`."""
    return typer.Option(_option(prefix, "user"), metavar="USER", help="User, where the server asks for one.")


def password_option(prefix: str = "") -> Any:  # noqa: ANN401 (Typer's own type for it)
    """The option of the password, for `Annotated[str | None, …]`."""
    return typer.Option(
        _option(prefix, "password"),
        metavar="PASSWORD",
        help=f"Its password. Other users of this machine can see it here: prefer"
        f" {_option(prefix, 'password-file')} or the variable {_variable(prefix)}. With a user and none of"
        " these, a terminal is asked.",
    )


def password_file_option(prefix: str = "") -> Any:  # noqa: ANN401 (Typer's own type for it)
    """The option of the file that holds the password, for `Annotated[Path | None, …]`."""
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
        """The credentials from the options, else the environment, else the terminal.

        Args:
            user: the option's value; "" where it was not given.
            password: the option's value; None where it was not given.
            file: holds the password in its first line.
            prefix: of the options and of the environment variable.

        Raises:
            typer.BadParameter: two passwords are given, or the file holds none.
        """
        if password is not None and file is not None:
            options = f"{_option(prefix, 'password')} and {_option(prefix, 'password-file')}"
            raise typer.BadParameter("give one of them", param_hint=options)
        if password is not None:
            return cls(user=user, password=Secret(password))
        if file is not None:
            return cls(user=user, password=_first_line(file, _option(prefix, "password-file")))
        if held := os.environ.get(_variable(prefix)):
            return cls(user=user, password=Secret(held))
        if user and sys.stdin.isatty():
            return cls(
                user=user, password=Secret(getpass.getpass(f"password of {user}: ", stream=sys.stderr))
            )
        return cls(user=user, password=Secret())


def _first_line(file: Path, option: str) -> Secret:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} cannot be read: {error}", param_hint=option) from error
    if not lines or not lines[0]:
        raise typer.BadParameter(f"{file} has no password in its first line", param_hint=option)
    return Secret(lines[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How to reach any of the servers.

    Attributes:
        timeout: in seconds, above 0 and at most a day.
        retries: how often a failed request is sent again.
        ca_cert: a file of certificates to trust instead of the system's.
        insecure: do not verify certificates.

    Raises:
        typer.BadParameter: a value out of these bounds, or two that exclude each other.
    """

    timeout: float
    retries: int
    ca_cert: Path | None = None
    insecure: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.timeout <= LONGEST_TIMEOUT:  # false for what is no number, too
            text = f"{self.timeout:g} is not above 0 and at most {LONGEST_TIMEOUT:g} seconds"
            raise typer.BadParameter(text, param_hint="--timeout")
        if self.insecure and self.ca_cert is not None:
            raise typer.BadParameter("they exclude each other", param_hint="--ca-cert and --insecure")

    def endpoint(self, url: str, credentials: Credentials, *, option: str = "--url") -> "Endpoint":
        """The server at `url`; a user and password in the URL itself go before the others.

        Raises:
            typer.BadParameter: no URL of an InfluxDB; the text names `option`.
        """
        from tstats.influx.client import Endpoint  # noqa: PLC0415 (see the module's docstring)

        try:
            own = Endpoint.parse(url)
        except ConfigError as error:
            raise typer.BadParameter(str(error), param_hint=option) from error
        return replace(
            own,
            user=own.user or credentials.user,
            password=own.password or credentials.password,
            timeout=self.timeout,
            ca_cert=None if self.ca_cert is None else str(self.ca_cert),
            insecure=self.insecure,
        )

    def open(self, endpoint: "Endpoint", *, connections: int = 10) -> "Influx":
        """A connection to the server, which tells each retry on stderr; nothing is sent yet."""
        from tstats.influx.client import Influx  # noqa: PLC0415 (see the module's docstring)
        from tstats.transport.retry import RetryPolicy  # noqa: PLC0415 (the same)

        if self.insecure and endpoint.url.startswith("https:"):
            _warn_of_insecurity(endpoint.url)
        policy = RetryPolicy(retries=self.retries, on_retry=RetryLines(retries=self.retries))
        return Influx(endpoint, retry=policy, connections=connections)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLines:
    """Prints one line on stderr for each retry: `retry 2 of 5 in 0.5 s: http://…/ping did not answer …`.

    Attributes:
        retries: how many there can be.
    """

    retries: int

    def __call__(self, what: str, *, attempt: int, error: Exception, wait: float) -> None:
        """Print the line of the retry after try number `attempt`."""
        del what  # the error of a server names the server and the request by itself
        say(f"retry {attempt} of {self.retries} in {wait:.1f} s: {error}")


def say(text: str) -> None:
    """Print a line of progress on stderr: stdout is for results."""
    typer.echo(" ".join(text.split()), err=True)


def _warn_of_insecurity(url: str) -> None:
    """Say it in one line of our own instead of urllib3's, which comes with every request."""
    import warnings  # noqa: PLC0415 (see the module's docstring)

    from urllib3.exceptions import InsecureRequestWarning  # noqa: PLC0415 (the same)

    warnings.simplefilter("ignore", InsecureRequestWarning)
    say(f"warning: --insecure: the certificate of {url} is not verified")


def each_once(endpoints: Iterable["Endpoint"]) -> list["Endpoint"]:
    """The endpoints in their order, the first of each URL."""
    found: dict[str, Endpoint] = {}
    for endpoint in endpoints:
        found.setdefault(endpoint.url, endpoint)
    return list(found.values())
