"""The last inventory on disk: a start without Traffic Ops goes on with what was known."""

import os
import time
from pathlib import Path

import msgspec

from tstats.errors import SpoolError
from tstats.traffic_control.inventory import Inventory


class _Kept(msgspec.Struct, kw_only=True):
    traffic_ops: str
    inventory: Inventory


class InventoryFile:
    """One file, replaced as a whole.

    Args:
        path: of the file; its directory is there.
        traffic_ops: the URL that the inventory comes from; one from elsewhere is not used.
    """

    def __init__(self, path: Path, traffic_ops: str) -> None:
        self._path = path
        self._traffic_ops = traffic_ops

    def save(self, inventory: Inventory) -> None:
        """Keep it.

        Raises:
            SpoolError: the file cannot be written.
        """
        new = self._path.with_suffix(".new")
        kept = _Kept(traffic_ops=self._traffic_ops, inventory=inventory)
        try:
            with new.open("wb") as file:
                file.write(msgspec.json.encode(kept))
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except OSError as error:
            raise SpoolError(f"{self._path} cannot be written: {error.strerror}") from error

    def load(self) -> tuple[Inventory, float] | None:
        """The kept inventory and its age in seconds; None when there is none that can be used."""
        try:
            age = max(0.0, time.time() - self._path.stat().st_mtime)
            kept = msgspec.json.decode(self._path.read_bytes(), type=_Kept)
        except (OSError, msgspec.MsgspecError):
            return None
        return (kept.inventory, age) if kept.traffic_ops == self._traffic_ops else None
