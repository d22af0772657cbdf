"""One root for every error that a user can meet; its text says what, where and what to do."""


class TstatsError(Exception):
    """What the user asked for cannot be done; the text is one clear sentence, without secrets."""


class ConfigError(TstatsError):
    """The configuration is wrong; the text names the file and the key."""


class ServerError(TstatsError):
    """A server around us failed or answered what cannot be used; the text names its URL."""


class UnreachableError(ServerError):
    """No usable answer (refused, timed out, 5xx): the same request can succeed later."""


class SlowError(UnreachableError):
    """No answer in time: the same request can succeed later, and a smaller one perhaps at once."""


class BrokenStreamError(UnreachableError):
    """An answer ended before its end: what came of it is right, and it has to be asked for anew."""


class TooMuchError(ServerError):
    """The server has a limit, or no time, for so much at once: each half of the request can succeed.

    Attributes:
        by_series: it is the number of series that is too much, whatever their times.
        slow: no limit was named, but nothing came in time: the server may as well be down.
    """

    def __init__(self, text: str, *, by_series: bool = False, slow: bool = False) -> None:
        super().__init__(text)
        self.by_series = by_series
        self.slow = slow


class RefusedError(ServerError):
    """The server understood and said no: the same request will be refused again.

    Attributes:
        status: the HTTP status, 0 where the refusal stood in the body of a 200.
    """

    def __init__(self, text: str, *, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class LineProtocolError(TstatsError):
    """A name or value that line protocol has no way to write."""


class TsmError(TstatsError):
    """A TSM file or one of its blocks is damaged, or is something else; the text says where."""


class SpoolError(TstatsError):
    """The spool cannot take or give a batch; the text names the directory and the remedy."""


class DatabaseError(TstatsError):
    """The SQL database cannot do what is asked, or has another schema; the text says why and what to run."""


class TokenError(TstatsError):
    """The file of the API's tokens cannot be used so; the text names the file and the remedy."""
