"""How far the clock of a web server is from ours, by the Date of any answer of it."""

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

import requests

from tstats.errors import RefusedError, ServerError, UnreachableError
from tstats.transport.http import cause


def seconds_ahead(
    url: str,
    *,
    seconds: float,
    verify: bool | str = True,
    clock: Callable[[], float] = time.time,
) -> float | None:
    """By how much the server's clock is ahead of ours; None when its answer holds no Date.

    A Date is cut to whole seconds, and travels: the figure is right to half a second and half the time of
    the answer.

    Args:
        url: any page of the server; whatever it answers will do, also an error.
        seconds: to connect, and between two bytes.
        verify: its certificate: by the system's, by a file of some, or not at all.
        clock: ours, in seconds since the epoch.

    Raises:
        UnreachableError: no answer.
        RefusedError: no TLS connection that can be trusted.
        ServerError: the Date is none.
    """
    try:
        with requests.Session() as session:
            # Said for each request: REQUESTS_CA_BUNDLE in the environment goes before the session's own.
            before = clock()
            answer = session.get(url, timeout=seconds, stream=True, verify=verify, allow_redirects=False)
            after = clock()
            answer.close()
    except requests.exceptions.SSLError as error:
        raise RefusedError(f"{url}: no TLS connection that can be trusted: {cause(error)}") from error
    except requests.Timeout as error:
        raise UnreachableError(f"{url} did not answer within {seconds:g} s") from error
    except requests.RequestException as error:
        raise UnreachableError(f"{url} cannot be reached: {cause(error)}") from error
    told = answer.headers.get("Date")
    if told is None:
        return None
    try:
        theirs = parsedate_to_datetime(told).timestamp()
    except ValueError:
        raise ServerError(f"{url} answered with a Date that is none: {told[:40]!r}") from None
    return theirs + 0.5 - (before + after) / 2
