"""How an option's value is parsed, and how a wrong one is refused."""

import pytest
import typer

from tstats.command.options import UsageError, at_most_one, parsed
from tstats.core.time import HOUR, parse_duration
from tstats.errors import ConfigError


def test_a_value_is_parsed() -> None:
    assert parsed(parse_duration, "2h", "--since") == 2 * HOUR


@pytest.mark.parametrize("error", [ValueError, ConfigError])
def test_a_wrong_value_is_refused_with_the_name_of_its_option(error: type[Exception]) -> None:
    def parse(text: str) -> int:
        raise error(f"invalid {text}")

    with pytest.raises(typer.BadParameter) as caught:
        parsed(parse, "x", "--since")
    assert caught.value.format_message() == "Invalid value for --since: invalid x"


@pytest.mark.parametrize("options", [{}, {"--check": True}, {"--check": True, "--dry-run": False}])
def test_one_option_may_be_given(options: dict[str, bool]) -> None:
    at_most_one(options)


def test_two_mutually_exclusive_options_are_refused() -> None:
    with pytest.raises(UsageError) as caught:
        at_most_one({"--check": True, "--quick": False, "--dry-run": True})
    assert caught.value.format_message() == "--check and --dry-run are mutually exclusive"
    assert caught.value.exit_code == 2
