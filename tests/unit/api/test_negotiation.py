"""Which form of an answer a header Accept asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tstats.api.statistics.negotiation import negotiated

UNIX, RFC = "application/json;timestamp=unix", "application/json;timestamp=rfc"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "rfc"),
        ("*/*", "rfc"),
        ("application/*", "rfc"),
        ("application/json", "rfc"),
        (RFC, "rfc"),
        (UNIX, "unix"),
        ("Application/JSON; TimeStamp=unix", "unix"),
        ('application/json;timestamp="unix"', "unix"),
        ('application/json;timestamp="un\\ix"', None),
        (" application/json ; timestamp = unix ;", "unix"),
        ("*/*;timestamp=unix", "rfc"),
        ("application/*;timestamp=unix", "rfc"),
        ("application/json;timestamp=UNIX", None),
        ("application/json;timestamp=epoch", None),
        ("application/json;charset=utf-8", None),
        (f"{UNIX};version=1", None),
        ("text/html", None),
        ("text/*", None),
        ("*/json", None),
        ("*", None),
        ("text/html, image/png;q=0.5", None),
    ],
)
def test_one_or_none_of_our_forms_satisfies_a_header(accept: str, form: str | None) -> None:
    assert negotiated(accept) == form


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (f"{UNIX};q=0.5, {RFC};q=0.9", "rfc"),
        (f"{RFC};q=0.1, {UNIX}", "unix"),
        ("text/html;q=0.9," + UNIX + ";q=0.8", "unix"),
        ("text/html, */*;q=0.1", "rfc"),
        (f"{UNIX};q=0", "unix"),
        (f"{RFC};q=1, {UNIX};q=2", "unix"),
        (f"{RFC};q=0.5, {UNIX};q=-1", "rfc"),
    ],
)
def test_the_highest_quality_wins_and_none_is_too_low(accept: str, form: str) -> None:
    assert negotiated(accept) == form


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (f"{UNIX}, {RFC}", "rfc"),
        (f"{RFC}, {UNIX}", "unix"),
        (f"{UNIX}, */*", "unix"),
        (f"{UNIX}, application/*", "unix"),
        (f"{UNIX}, application/json", "unix"),
        (f"{UNIX};q=good, {RFC}", "unix"),  # a quality is a parameter, and one that is no number counts as 1
        (f"{RFC};q=1, {UNIX}", "rfc"),
    ],
)
def test_of_equal_quality_the_more_exact_wins_and_then_the_last(accept: str, form: str) -> None:
    assert negotiated(accept) == form


@pytest.mark.parametrize(
    "accept",
    [
        "text/html,",
        ", ,",
        "text/",
        "/json",
        "text/html/5",
        "te xt/html",
        "text/html;charset",
        "text/html;=1",
        "text/html;a=1;a=2",
        'text/html;a="b',
        "text/html;a=ü",
        "text/html;" + "a" * 5_000 + "=1",
    ],
)
def test_a_header_that_cannot_be_read_is_one_that_is_not_there(accept: str) -> None:
    assert negotiated(accept) == "rfc"


@given(st.text(st.characters(codec="latin-1"), max_size=60))
def test_any_text_is_answered(accept: str) -> None:
    assert negotiated(accept) in ("rfc", "unix", None)


RANGES = st.sampled_from([UNIX, RFC, "text/html", "image/*"])
QUALITIES = st.integers(0, 1_000).map(lambda thousandths: thousandths / 1_000)


@given(st.lists(st.tuples(RANGES, QUALITIES), min_size=1, max_size=15))
def test_of_what_we_have_the_last_of_the_highest_quality_is_given(listed: list[tuple[str, float]]) -> None:
    ours = {UNIX: "unix", RFC: "rfc"}
    best = max((quality for name, quality in listed if name in ours), default=None)
    wanted = [ours[name] for name, quality in listed if name in ours and quality == best]
    accept = ", ".join(f"{name};q={quality}" for name, quality in listed)
    assert negotiated(accept) == (wanted[-1] if wanted else None)
