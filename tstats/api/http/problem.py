"""The exception by which a handler refuses a request."""

from http import HTTPStatus


class Problem(Exception):  # noqa: N818 (a response, not a fault)
    """A request is answered with an alert instead of what it asks for.

    Attributes:
        status: the status of the response, 400 to 599.
        text: the text of the alert: what is wrong, without anything the caller may not know.
    """

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def bad_request(text: str) -> Problem:
    """Return a problem of status 400."""
    return Problem(HTTPStatus.BAD_REQUEST, text)
