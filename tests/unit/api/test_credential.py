"""What of a request's headers is a session, and that nothing else of them goes on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tstats.api.access import credential

PROOFS: list[tuple[dict[str, str], dict[str, str]]] = [
    ({"cookie": "mojolicious=abc"}, {"Cookie": "mojolicious=abc"}),
    ({"cookie": 'mojolicious="abc"'}, {"Cookie": "mojolicious=abc"}),
    ({"cookie": "a=b; access_token=x.y.z; theme=dark"}, {"Cookie": "access_token=x.y.z"}),
    ({"cookie": "access_token=t;mojolicious=m"}, {"Cookie": "mojolicious=m; access_token=t"}),
    ({"cookie": "mojolicious=first; mojolicious=second"}, {"Cookie": "mojolicious=first"}),
    ({"cookie": "mojolicious=; mojolicious=second"}, {"Cookie": "mojolicious=second"}),
    ({"authorization": "Bearer x.y.z"}, {"Authorization": "Bearer x.y.z"}),
    ({"authorization": "bEARER  tok+en/==", "x-other": "y"}, {"Authorization": "Bearer tok+en/=="}),
    (
        {"cookie": "mojolicious=m", "authorization": "Bearer t"},
        {"Cookie": "mojolicious=m", "Authorization": "Bearer t"},
    ),
    ({"cookie": "mojolicious=m", "authorization": "Basic YTpi"}, {"Cookie": "mojolicious=m"}),
]


@pytest.mark.parametrize(("headers", "sent"), PROOFS, ids=[str(headers) for headers, _ in PROOFS])
def test_only_what_proves_a_session_goes_on(headers: dict[str, str], sent: dict[str, str]) -> None:
    proof = credential.session(headers)
    assert proof is not None
    assert credential.as_headers(proof) == sent


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"cookie": ""},
        {"cookie": "theme=dark"},
        {"cookie": "mojolicious"},
        {"cookie": "mojolicious="},
        {"cookie": "mojolicious=a b"},
        {"cookie": "mojolicious=a,b"},
        {"cookie": "mojolicious=ä"},
        {"cookie": "mojolicious=a\nX: y"},
        {"cookie": f"mojolicious={'a' * 8193}"},
        {"cookie": "MOJOLICIOUS=a"},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": "Bearer a b"},
        {"authorization": "Bearer a\r\nX: y"},
        {"authorization": "Bearer =="},
        {"authorization": f"Bearer {'a' * 8193}"},
        {"authorization": "Basic YTpi"},
        {"authorization": "abc"},
    ],
    ids=lambda headers: str(headers)[:40],
)
def test_what_can_be_no_session_is_none(headers: dict[str, str]) -> None:
    assert credential.session(headers) is None


def test_a_proof_does_not_show_itself() -> None:
    assert "abc" not in repr(credential.session({"cookie": "mojolicious=abc"}))


@given(cookie=st.text(), authorization=st.text())
def test_whatever_comes_there_are_two_headers_of_plain_text_at_most(cookie: str, authorization: str) -> None:
    proof = credential.session({"cookie": cookie, "authorization": authorization})
    if proof is not None:
        sent = credential.as_headers(proof)
        assert set(sent) <= {"Cookie", "Authorization"}
        assert all(value.isascii() and value.isprintable() for value in sent.values())


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='";,\\'), min_size=1))
def test_every_cookie_that_can_be_one_goes_on_as_it_is(value: str) -> None:
    proof = credential.session({"cookie": f"a=b; mojolicious={value}; c=d"})
    assert proof is not None
    assert credential.as_headers(proof) == {"Cookie": f"mojolicious={value}"}
