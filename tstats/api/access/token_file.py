"""What is kept of the API's tokens: one file, replaced as a whole, that only its owner reads."""

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

_OTHERS_WRITE = 0o022


class _Content(msgspec.Struct, kw_only=True):
    version: int = 1
    tokens: list[Token]


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


class TokenFile:
    """The tokens in a file; each method may be used by several processes at once.

    Each raises TokenError where the file cannot be used; the text says why, and what to do.

    Args:
        path: of the file; none yet means no tokens.
        now: the time, in UTC.
    """

    def __init__(self, path: Path, *, now: Callable[[], datetime] = _now) -> None:
        self.path = path
        self._now = now

    def read(self) -> tuple[Token, ...]:
        """All tokens, in the order in which they were made."""
        try:
            with self.path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & _OTHERS_WRITE:
                    raise TokenError(f"{self.path} can be written by others: chmod 600 {self.path}")
                content = file.read()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise TokenError(f"{self.path} cannot be read: {error.strerror}") from error
        try:
            found = msgspec.json.decode(content, type=_Content)
        except msgspec.MsgspecError as error:
            raise TokenError(
                f"{self.path} is no file of tokens: {error}; restore it or move it away"
            ) from None
        if found.version != 1:
            raise TokenError(f"{self.path} was written by a newer tstats (version {found.version})")
        return tuple(found.tokens)

    def create(self, name: str, *, write: bool, expires: datetime | None) -> Secret:
        """A new token, which is nowhere else afterwards; one of this name that is no longer good goes.

        Raises:
            TokenError: there is a good one of this name, or no token can have it.
        """
        if not token.is_name(name):
            raise TokenError(f"{name!r}: a name has up to 64 letters, digits and any of . _ @ -")
        made = token.of(secrets.token_bytes(token.RANDOM_BYTES))
        with self._changing() as tokens:
            now = self._now()
            for position, other in enumerate(tokens):
                if other.name == name:
                    if other.state(now) == "active":
                        raise TokenError(
                            f"{self.path} has a token {name!r}; revoke it before, or take another name"
                        )
                    del tokens[position]
                    break
            tokens.append(
                Token(name=name, digest=token.digest(made), created=now, write=write, expires=expires)
            )
        return made

    def revoke(self, name: str) -> None:
        """End a token at once; one that has ended already stays as it is.

        Raises:
            TokenError: there is none of this name.
        """
        with self._changing() as tokens:
            for position, found in enumerate(tokens):
                if found.name == name:
                    if found.revoked is None:
                        tokens[position] = msgspec.structs.replace(found, revoked=self._now())
                    return
            raise TokenError(
                f"{self.path} has no token {name!r}; tstats token list shows those that there are"
            )

    @contextmanager
    def _changing(self) -> Iterator[list[Token]]:
        """The tokens, written back at the end of the block, while no other process changes them."""
        try:
            lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise TokenError(f"{self.path} cannot be changed: {error.strerror}: {self.path}.lock") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            tokens = list(self.read())
            yield tokens
            self._write(tokens)
        finally:
            os.close(lock)

    def _write(self, tokens: list[Token]) -> None:
        text = msgspec.json.format(msgspec.json.encode(_Content(tokens=tokens)), indent=2)
        new: str | None = None
        try:
            descriptor, new = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")  # 0600
            with os.fdopen(descriptor, "wb") as file:
                file.write(text + b"\n")
                file.flush()
                os.fsync(file.fileno())
            Path(new).replace(self.path)
            new = None
        except OSError as error:
            raise TokenError(f"{self.path} cannot be written: {error.strerror}") from error
        finally:
            if new is not None:
                Path(new).unlink(missing_ok=True)


class FollowedTokens:
    """The tokens of a file by their digest, read again whenever the file is another.

    Args:
        file: where they are.
    """

    def __init__(self, file: TokenFile) -> None:
        self._file = file
        self._seen: tuple[int, int, int] | None = None
        self._tokens: dict[str, Token] = {}

    def find(self, secret: Secret) -> Token | None:
        """What is kept of a token, whatever its state; None when there is no such token.

        It is looked up by its digest: how long that takes tells of digests, not of tokens.

        Raises:
            TokenError: the file cannot be used; nobody is known then.
        """
        seen = self._file_as_it_is()
        if seen != self._seen or seen is None:
            self._tokens = {each.digest: each for each in self._file.read()}
            self._seen = seen
        return self._tokens.get(token.digest(secret))

    def _file_as_it_is(self) -> tuple[int, int, int] | None:
        try:
            found = self._file.path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TokenError(f"{self._file.path} cannot be read: {error.strerror}") from error
        return found.st_ino, found.st_mtime_ns, found.st_size
