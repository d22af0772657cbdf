"""A secret is the first line of its file."""

from pathlib import Path

import pytest

from tstats.config.secret_file import read_secret
from tstats.errors import ConfigError


@pytest.mark.parametrize(
    "content", [b"pass word ", b"pass word \n", b"pass word \r\n", b"pass word \nsecond line\n"]
)
def test_the_first_line_is_the_secret_to_the_letter(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    assert read_secret(file).reveal() == "pass word "


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "is empty"), (b"\nx", "is empty"), (b"\xff\xfe", "is not UTF-8 text")]
)
def test_a_file_without_a_secret_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=words) as caught:
        read_secret(file)
    assert str(file) in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none cannot be read: No such file or directory"):
        read_secret(tmp_path / "none")
