"""What the servers and programs of the tests have in common: they run inside `with`."""

from abc import ABC, abstractmethod
from typing import Self


class Running(ABC):
    """A context manager that starts something and stops it again.

    A start that fails leaves nothing running.
    """

    @abstractmethod
    def start(self) -> None:
        """Start it, and return when it works."""

    @abstractmethod
    def stop(self) -> None:
        """Stop it, and return when it has gone; does nothing if it is not running."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
