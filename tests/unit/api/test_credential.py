"""The proof of a session is taken from a request's headers, and nothing else."""

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
def test_only_the_proof_of_a_session_is_passed_on(headers: dict[str, str], sent: dict[str, str]) -> None:
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
def test_anything_else_is_not_a_session(headers: dict[str, str]) -> None:
    assert credential.session(headers) is None


def test_a_proof_is_not_shown() -> None:
    assert "abc" not in repr(credential.session({"cookie": "mojolicious=abc"}))


@given(cookie=st.text(), authorization=st.text())
def test_any_input_gives_at_most_two_printable_headers(cookie: str, authorization: str) -> None:
    proof = credential.session({"cookie": cookie, "authorization": authorization})
    if proof is not None:
        sent = credential.as_headers(proof)
        assert set(sent) <= {"Cookie", "Authorization"}
        assert all(value.isascii() and value.isprintable() for value in sent.values())


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='";,\\'), min_size=1))
def test_every_valid_cookie_is_passed_on_unchanged(value: str) -> None:
    proof = credential.session({"cookie": f"a=b; mojolicious={value}; c=d"})
    assert proof is not None
    assert credential.as_headers(proof) == {"Cookie": f"mojolicious={value}"}
