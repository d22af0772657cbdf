"""The file of the API's tokens: replaced as a whole, and accessible to its owner only."""

import fcntl
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tstats.api.access import token
from tstats.api.access.token import Token
from tstats.core.secret import Secret
from tstats.errors import TokenError

_WRITABLE_BY_OTHERS = 0o022


class _TokenFileContent(msgspec.Struct, kw_only=True):
    version: int = 1
    tokens: list[Token]


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


class TokenFile:
    """The tokens in a file; several processes may use every method at the same time.

    Every method raises a TokenError if the file cannot be used; the text says why, and what to do.

    Args:
        path: the path of the file; a missing file means no tokens.
        now: a clock, in UTC.
    """

    def __init__(self, path: Path, *, now: Callable[[], datetime] = _now) -> None:
        self.path = path
        self._now = now

    def read(self) -> tuple[Token, ...]:
        """Return all tokens, in the order in which they were made."""
        try:
            with self.path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & _WRITABLE_BY_OTHERS:
                    raise TokenError(f"{self.path} can be written by others; run: chmod 600 {self.path}")
                content = file.read()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise TokenError(f"{self.path} cannot be read: {error.strerror}") from error
        try:
            found = msgspec.json.decode(content, type=_TokenFileContent)
        except msgspec.MsgspecError as error:
            raise TokenError(
                f"{self.path} is not a token file: {error}; restore it or move it away"
            ) from None
        if found.version != 1:
            raise TokenError(f"{self.path} was written by a newer tstats (version {found.version})")
        return tuple(found.tokens)

    def create(self, name: str, *, write: bool, expires: datetime | None) -> Secret:
        """Make a token and return it, which is stored nowhere; replace an inactive one of the same name.

        Raises:
            TokenError: there is an active token of this name, or the name is invalid.
        """
        if not token.is_name(name):
            raise TokenError(
                f"invalid name {name!r}; use up to 64 letters, digits and . _ @ -, beginning with a letter or"
                " digit"
            )
        created = token.from_random(secrets.token_bytes(token.RANDOM_BYTES))
        with self._locked() as tokens:
            now = self._now()
            for position, other in enumerate(tokens):
                if other.name == name:
                    if other.state(now) == "active":
                        raise TokenError(
                            f"{self.path} already has a token {name!r}; revoke it first, or choose another"
                            " name"
                        )
                    del tokens[position]
                    break
            tokens.append(
                Token(name=name, digest=token.digest(created), created=now, write=write, expires=expires)
            )
        return created

    def revoke(self, name: str) -> None:
        """Revoke a token immediately; one that is revoked already stays as it is.

        Raises:
            TokenError: there is no token of this name.
        """
        with self._locked() as tokens:
            for position, found in enumerate(tokens):
                if found.name == name:
                    if found.revoked is None:
                        tokens[position] = msgspec.structs.replace(found, revoked=self._now())
                    return
            raise TokenError(f"{self.path} has no token {name!r}; tstats token list shows them")

    @contextmanager
    def _locked(self) -> Iterator[list[Token]]:
        """Yield the tokens and write them back, while no other process changes them."""
        try:
            lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise TokenError(f"{self.path} cannot be changed: {self.path}.lock: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            tokens = list(self.read())
            yield tokens
            self._write(tokens)
        finally:
            os.close(lock)

    def _write(self, tokens: list[Token]) -> None:
        text = msgspec.json.format(msgspec.json.encode(_TokenFileContent(tokens=tokens)), indent=2)
        temporary: str | None = None
        try:
            # mkstemp makes the file with mode 0600.
            descriptor, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
            with os.fdopen(descriptor, "wb") as file:
                file.write(text + b"\n")
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self.path)
            temporary = None
        except OSError as error:
            raise TokenError(f"{self.path} cannot be written: {error.strerror}") from error
        finally:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)


class TokenIndex:
    """The tokens of a file by digest, read again whenever the file changes.

    Args:
        file: the token file.
    """

    def __init__(self, file: TokenFile) -> None:
        self._file = file
        self._version: tuple[int, int, int] | None = None
        self._tokens: dict[str, Token] = {}

    def find(self, secret: Secret) -> Token | None:
        """Return what is stored of a token, whatever its state; None if there is no such token.

        The lookup is by digest, so that its duration reveals nothing about tokens.

        Raises:
            TokenError: the file cannot be used; no token is valid then.
        """
        version = self._file_version()
        if version != self._version or version is None:
            self._tokens = {entry.digest: entry for entry in self._file.read()}
            self._version = version
        return self._tokens.get(token.digest(secret))

    def _file_version(self) -> tuple[int, int, int] | None:
        """Return inode, modification time and size of the file, which change with it."""
        try:
            stat = self._file.path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TokenError(f"{self._file.path} cannot be read: {error.strerror}") from error
        return stat.st_ino, stat.st_mtime_ns, stat.st_size
