"""Reads responses of Traffic Ops."""

from typing import Any

import requests


def records(response: requests.Response) -> list[dict[str, Any]]:
    """Return the records of a response that has to be 200."""
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["response"]
    return found


def error_text(response: requests.Response) -> str:
    """Return the text of the only alert, which has to be an error."""
    ((alert),) = response.json()["alerts"]
    assert alert["level"] == "error"
    return str(alert["text"])
