"""The difference between the clock of a web server and ours, from the Date of any response."""

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
    """Return by how many seconds the server's clock is ahead of ours; None if the response has no Date.

    A Date has whole seconds only, and takes time to arrive: the error is at most half a second plus half the
    response time.

    Args:
        url: any page of the server; an error response will do.
        seconds: timeout for connecting, and for each part of the response.
        verify: the certificate against the system's (True) or those in a file, or not at all (False).
        clock: ours, in seconds since the epoch.

    Raises:
        UnreachableError: no response.
        RefusedError: a TLS connection that cannot be trusted.
        ServerError: an invalid Date.
    """
    try:
        with requests.Session() as session:
            # verify is passed for the request: REQUESTS_CA_BUNDLE would override that of the session.
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
    date = answer.headers.get("Date")
    if date is None:
        return None
    try:
        theirs = parsedate_to_datetime(date).timestamp()
    except ValueError:
        raise ServerError(f"{url} answered with an invalid Date: {date[:40]!r}") from None
    return theirs + 0.5 - (before + after) / 2
