"""What a test needs to run a sync."""


class NoProgress:
    """A progress that shows nothing."""

    def begin(self, windows: int) -> None:
        """Do nothing."""

    def points(self, number: int) -> None:
        """Do nothing."""

    def window_done(self) -> None:
        """Do nothing."""
