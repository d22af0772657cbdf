"""A cache of when pairs of shards were last found equal: its absence changes only how long a sync takes."""

import contextlib
import os
from pathlib import Path

import msgspec

from tstats.sync.shards.pairs import ShardPair

_MOST_ENTRIES = 20_000


class Times(msgspec.Struct, frozen=True):
    """When each side was last known to hold what the other does, in ns by its own clock."""

    source: int
    target: int


_Entries = dict[str, Times]


def default_path() -> Path:
    """Return where the cache is kept: below XDG_CACHE_HOME, or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tstats" / "equal-shards.json"


class UnchangedShards:
    """The cache of one pair of servers.

    Args:
        path: the file; one that is missing or invalid counts as empty.
        sites: names the servers.
    """

    def __init__(self, path: Path, sites: str) -> None:
        self._path = path
        self._prefix = f"{sites} "
        self._entries: _Entries = {}
        with contextlib.suppress(OSError, ValueError, msgspec.MsgspecError):
            self._entries = msgspec.json.decode(path.read_bytes(), type=_Entries)

    def since(self, pair: ShardPair) -> Times | None:
        """Return since when a pair has to be unchanged to be equal; None where that is not known."""
        return self._entries.get(self._key(pair))

    def remember(self, pair: ShardPair, times: Times) -> None:
        """Remember that a pair was equal at these times."""
        key = self._key(pair)
        self._entries.pop(key, None)
        self._entries[key] = times

    def forget(self, pair: ShardPair) -> None:
        """Forget a pair that is about to be changed."""
        self._entries.pop(self._key(pair), None)

    def save(self) -> None:
        """Replace the file; what cannot be written is left out, since nothing depends on it."""
        newest = dict(list(self._entries.items())[-_MOST_ENTRIES:])
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(msgspec.json.encode(newest))
            beside.replace(self._path)

    def _key(self, pair: ShardPair) -> str:
        return f"{self._prefix}{pair.name} {pair.source} {pair.target}"
