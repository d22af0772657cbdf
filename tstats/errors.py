"""The errors that a user can meet, under one root; each text says what, where and what to do."""


class TstatsError(Exception):
    """What the user asked for cannot be done; the text is a clear sentence, without secrets."""


class ConfigError(TstatsError):
    """The configuration is wrong; the text names the file and the key."""


class ServerError(TstatsError):
    """A server failed, or gave an answer that cannot be used; the text names its URL."""


class UnreachableError(ServerError):
    """No usable answer (refused, timed out, 5xx): the same request can succeed later."""


class SlowError(UnreachableError):
    """No answer in time: the same request can succeed later, and a smaller one perhaps at once."""


class BrokenStreamError(UnreachableError):
    """The response was cut off. Rows already received are valid; repeat the query."""


class TooMuchError(ServerError):
    """The request is too much for the server at once: each half of it can succeed.

    Attributes:
        by_series: the number of series is too much, whatever their times.
        slow: the server named no limit, but nothing came in time; it may as well be down.
    """

    def __init__(self, text: str, *, by_series: bool = False, slow: bool = False) -> None:
        super().__init__(text)
        self.by_series = by_series
        self.slow = slow


class RefusedError(ServerError):
    """The server understood the request and refused it; it will refuse it again.

    Attributes:
        status: the HTTP status, 0 where the refusal is in the body of a 200.
    """

    def __init__(self, text: str, *, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class LineProtocolError(TstatsError):
    """A name or value that line protocol cannot express."""


class TsmError(TstatsError):
    """A TSM file or one of its blocks is damaged, or is something else; the text says where."""


class SpoolError(TstatsError):
    """The spool cannot store or read a batch; the text names the directory and the remedy."""


class DatabaseError(TstatsError):
    """The SQL database refused, or has another schema; the text says why and what to run."""


class TokenError(TstatsError):
    """The file of the API's tokens cannot be used; the text names the file and the remedy."""
