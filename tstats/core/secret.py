"""A secret that never appears in a repr, a log or an error."""


class Secret:
    """A password or token: neither repr, str, format nor a log shows it; `reveal` returns it.

    >>> print(Secret("twelve12"), repr(Secret("")), bool(Secret("")))
    ******  False
    """

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text: for the one place that sends it."""
        return self._text

    def __repr__(self) -> str:
        return "******" if self._text else ""

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)
