"""The token file: hashes only, accessible to its owner only, and always complete."""

import json
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tstats.api.access import token
from tstats.api.access.token_file import TokenFile, TokenIndex
from tstats.core.secret import Secret
from tstats.errors import TokenError

NOW = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    return TokenFile(tmp_path / "tokens.json", now=lambda: NOW)


def create(file: TokenFile, name: str, *, write: bool = False, expires: datetime | None = None) -> Secret:
    return file.create(name, write=write, expires=expires)


# --- contents


def test_a_token_is_long_random_and_recognizable(file: TokenFile) -> None:
    made = [create(file, f"t{number}").reveal() for number in range(20)]
    assert len(set(made)) == 20
    assert {(entry[:4], len(entry)) for entry in made} == {("tst_", 47)}


def test_the_token_itself_is_nowhere_on_disk(file: TokenFile) -> None:
    made = create(file, "grafana").reveal()
    for path in file.path.parent.iterdir():
        assert made not in path.read_text()
        assert made[4:] not in path.read_text()


def test_what_is_stored_of_a_token(file: TokenFile) -> None:
    ends = NOW + timedelta(days=90)
    made = create(file, "grafana", write=True, expires=ends)
    (kept,) = file.read()
    assert kept == token.Token(
        name="grafana", digest=token.digest(made), created=NOW, write=True, expires=ends, revoked=None
    )


def test_only_the_owner_can_read_or_write_the_file(file: TokenFile) -> None:
    create(file, "a")
    file.revoke("a")
    assert [stat.S_IMODE(path.stat().st_mode) for path in file.path.parent.iterdir()] == [0o600] * 2


def test_no_other_file_is_left_but_the_lock(file: TokenFile) -> None:
    create(file, "a")
    assert sorted(path.name for path in file.path.parent.iterdir()) == ["tokens.json", "tokens.json.lock"]


def test_concurrent_changes_lose_nothing(file: TokenFile) -> None:
    threads = [threading.Thread(target=create, args=(file, f"t{number}")) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {entry.name for entry in file.read()} == {f"t{number}" for number in range(16)}


# --- names and lifetimes


@pytest.mark.parametrize("name", ["", " ", "a b", "-a", ".a", "a/b", "ä", "a\n", "x" * 65])
def test_invalid_names(file: TokenFile, name: str) -> None:
    with pytest.raises(TokenError, match="invalid name"):
        create(file, name)
    assert file.read() == ()


def test_an_inactive_token_is_replaced_but_not_an_active_one(file: TokenFile) -> None:
    create(file, "a", expires=NOW + timedelta(hours=1))
    with pytest.raises(TokenError, match="already has a token 'a'; revoke it first, or choose another name"):
        create(file, "a")
    file.revoke("a")
    create(file, "a", expires=NOW)
    create(file, "a", write=True)
    assert [(entry.name, entry.write, entry.state(NOW)) for entry in file.read()] == [("a", True, "active")]


def test_a_missing_token_cannot_be_revoked(file: TokenFile) -> None:
    with pytest.raises(TokenError, match="has no token 'a'; tstats token list shows"):
        file.revoke("a")


def test_revoking_twice_keeps_the_first_time(tmp_path: Path) -> None:
    times = iter([NOW, NOW + timedelta(hours=1), NOW + timedelta(hours=2)])
    file = TokenFile(tmp_path / "tokens.json", now=lambda: next(times))
    create(file, "a")
    file.revoke("a")
    file.revoke("a")
    assert [entry.revoked for entry in file.read()] == [NOW + timedelta(hours=1)]


def test_a_token_is_active_until_it_expires(file: TokenFile) -> None:
    create(file, "a", expires=NOW)
    (kept,) = file.read()
    assert kept.state(NOW - timedelta(seconds=1)) == "active"
    assert kept.state(NOW) == "expired"
    file.revoke("a")
    assert file.read()[0].state(NOW) == "revoked"


@pytest.mark.parametrize(
    ("text", "lasts"),
    [("12h", timedelta(hours=12)), ("90d", timedelta(days=90)), ("6w", timedelta(weeks=6)), ("never", None)],
)
def test_valid_lifetimes(text: str, lasts: timedelta | None) -> None:
    assert token.expiry(text, NOW) == (None if lasts is None else NOW + lasts)


@pytest.mark.parametrize("text", ["", "90", "0d", "-1d", "1.5d", "d", "90D", "1y", "90d ", "999999w"])
def test_invalid_lifetimes(text: str) -> None:
    with pytest.raises(ValueError, match="invalid lifetime"):
        token.expiry(text, NOW)


# --- unusable files


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a token file"),
        (b"[]", "is not a token file"),
        (b'{"tokens": [{"name": "a"}]}', "is not a token file"),
        (b'{"version": 2, "tokens": []}', "was written by a newer tstats"),
    ],
)
def test_an_invalid_file_is_named_and_left_unchanged(file: TokenFile, content: bytes, words: str) -> None:
    file.path.write_bytes(content)
    file.path.chmod(0o600)
    for use in (file.read, lambda: create(file, "a"), lambda: file.revoke("a")):
        with pytest.raises(TokenError, match=words) as refused:
            use()
        assert str(refused.value).startswith(str(file.path))
    assert file.path.read_bytes() == content


def test_a_file_that_others_can_write_is_refused(file: TokenFile) -> None:
    create(file, "a")
    file.path.chmod(0o620)
    with pytest.raises(TokenError, match="can be written by others; run: chmod 600"):
        file.read()


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "none" / "tokens.json")
    assert file.read() == ()
    with pytest.raises(TokenError, match=r"cannot be changed: .*: No such file or directory"):
        create(file, "a")


# --- a running API


def test_every_change_takes_effect_immediately(file: TokenFile) -> None:
    index = TokenIndex(file)
    assert index.find(Secret("tst_x")) is None
    first = create(file, "a")
    found = index.find(first)
    assert found is not None
    assert (found.name, found.state(NOW)) == ("a", "active")
    second = create(file, "b", write=True)
    assert {entry.name for entry in (index.find(first), index.find(second)) if entry} == {"a", "b"}
    file.revoke("a")
    ended = index.find(first)
    assert ended is not None
    assert ended.state(NOW) == "revoked"
    file.path.unlink()
    assert index.find(second) is None


def test_no_token_is_valid_while_the_file_is_invalid(file: TokenFile) -> None:
    index = TokenIndex(file)
    made = create(file, "a")
    assert index.find(made)
    file.path.write_text("{")
    for _ in range(2):
        with pytest.raises(TokenError):
            index.find(made)


def test_a_digest_is_not_a_token(file: TokenFile) -> None:
    create(file, "a")
    kept = json.loads(file.path.read_text())["tokens"][0]["digest"]
    assert TokenIndex(file).find(Secret(kept)) is None


@given(st.text())
def test_tokens_with_equal_digests_are_equal(text: str) -> None:
    made = token.from_random(bytes(token.RANDOM_BYTES))
    assert (token.digest(Secret(text)) == token.digest(made)) == (text == made.reveal())
