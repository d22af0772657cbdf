"""Which form of timestamps a header Accept asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tstats.api.statistics.negotiation import negotiate

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
def test_a_header_selects_a_form_or_none(accept: str, form: str | None) -> None:
    assert negotiate(accept) == form


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
def test_the_highest_quality_wins_and_zero_is_acceptable(accept: str, form: str) -> None:
    assert negotiate(accept) == form


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (f"{UNIX}, {RFC}", "rfc"),
        (f"{RFC}, {UNIX}", "unix"),
        (f"{UNIX}, */*", "unix"),
        (f"{UNIX}, application/*", "unix"),
        (f"{UNIX}, application/json", "unix"),
        (
            f"{UNIX};q=good, {RFC}",
            "unix",
        ),  # an invalid quality counts as a parameter, and as 1
        (f"{RFC};q=1, {UNIX}", "rfc"),
    ],
)
def test_of_equal_qualities_the_more_specific_wins_then_the_last(accept: str, form: str) -> None:
    assert negotiate(accept) == form


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
def test_an_invalid_header_counts_as_missing(accept: str) -> None:
    assert negotiate(accept) == "rfc"


@given(st.text(st.characters(codec="latin-1"), max_size=60))
def test_any_header_has_a_result(accept: str) -> None:
    assert negotiate(accept) in ("rfc", "unix", None)


RANGES = st.sampled_from([UNIX, RFC, "text/html", "image/*"])
QUALITIES = st.integers(0, 1_000).map(lambda thousandths: thousandths / 1_000)


@given(st.lists(st.tuples(RANGES, QUALITIES), min_size=1, max_size=15))
def test_the_last_available_form_of_the_highest_quality_wins(listed: list[tuple[str, float]]) -> None:
    available = {UNIX: "unix", RFC: "rfc"}
    best = max((quality for name, quality in listed if name in available), default=None)
    wanted = [available[name] for name, quality in listed if name in available and quality == best]
    accept = ", ".join(f"{name};q={quality}" for name, quality in listed)
    assert negotiate(accept) == (wanted[-1] if wanted else None)
