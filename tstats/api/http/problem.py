"""What is wrong with a request to the API."""


class Problem(Exception):  # noqa: N818 (an answer, not a fault)
    """The request is answered with an alert of this text.

    Attributes:
        status: of the answer, 400 to 599.
        text: of the alert: what is wrong, without anything that the caller may not know.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
