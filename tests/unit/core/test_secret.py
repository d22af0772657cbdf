"""A secret shows its text only through `reveal`."""

import json
import logging
import pickle
import traceback
from dataclasses import dataclass

import pytest

from tstats.core.secret import Secret
from tstats.influx.client import Endpoint

PASSWORD = "correct-horse"  # noqa: S105 (the secret of this test)


def test_reveal_returns_the_text() -> None:
    assert Secret(PASSWORD).reveal() == PASSWORD


@pytest.mark.parametrize("show", [str, repr, "{}".format, "{!r:>20}".format, "%s".__mod__, ascii])
def test_no_kind_of_formatting_shows_it(show: object) -> None:
    assert callable(show)
    assert PASSWORD not in show(Secret(PASSWORD))


def test_neither_its_owner_nor_a_log_nor_a_traceback_shows_it(caplog: pytest.LogCaptureFixture) -> None:
    @dataclass
    class Login:
        password: Secret

    login = Login(Secret(PASSWORD))
    logging.getLogger("test").warning("logged in as %s", login)
    trace = traceback.format_exception(ValueError(login))
    assert PASSWORD not in f"{login} {[login.password]} {caplog.text} {trace}"


def test_it_cannot_be_serialized_to_json() -> None:
    with pytest.raises(TypeError):
        json.dumps({"password": Secret(PASSWORD)})


def test_an_endpoint_does_not_show_the_password_of_its_url() -> None:
    endpoint = Endpoint.parse(f"http://admin:{PASSWORD}@localhost:8086")
    assert endpoint.password.reveal() == PASSWORD
    assert PASSWORD not in repr(endpoint)


@pytest.mark.parametrize("url", [f"ftp://u:{PASSWORD}@host", f"http://u:{PASSWORD}/x@host"])
def test_the_error_about_an_invalid_url_does_not_show_its_password(url: str) -> None:
    with pytest.raises(Exception, match="invalid URL of an InfluxDB") as caught:
        Endpoint.parse(url)
    assert PASSWORD not in str(caught.value)


def test_secrets_compare_by_their_text() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


def test_an_empty_secret_is_false_and_shows_that_it_is_empty() -> None:
    assert not Secret()
    assert Secret("x")
    assert str(Secret()) == ""
    assert str(Secret("x")) == "******"


def test_it_can_be_sent_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(Secret(PASSWORD))) == Secret(PASSWORD)  # noqa: S301 (our own bytes)
