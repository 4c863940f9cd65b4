from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path

import pytest
from pydantic import SecretStr

from bukken_contract import own_writes
from bukken_contract.own_writes import OwnWritesSettings, Tokens, Write
from bukken_contract.problems import ConsistencyTokenRefused

WRITE = Write("東京.1", 7)
TOKENS = Tokens(lambda: "a secret")


def given(tokens: Tokens = TOKENS, *, write: Write = WRITE) -> str:
    """A token, where there is a secret."""
    token = tokens.of(write)
    assert token is not None
    return token


@pytest.mark.parametrize("write", [WRITE, Write("a", 2**63 - 1), Write("物" * 255, 1)])
def test_a_token_says_what_was_written(write: Write) -> None:
    """Listing and version come back, whatever the key."""
    assert TOKENS.write_of(given(write=write)) == write


@pytest.mark.parametrize("at", range(0, 40, 3))
def test_a_changed_token_is_refused(at: int) -> None:
    """No bit of it can be changed: nobody sends us to the writer for a version there never was."""
    raw = bytearray(urlsafe_b64decode(given() + "=="))
    raw[at % len(raw)] ^= 1

    with pytest.raises(ConsistencyTokenRefused, match="none that was given here"):
        TOKENS.write_of(urlsafe_b64encode(raw).decode())


@pytest.mark.parametrize("token", ["", "x", "=", "é", "a" * 20_000, "AAAA", "a, b", "\n"])
def test_what_is_no_token_is_refused(token: str) -> None:
    """Any text is an answer of 400, never an error of ours."""
    with pytest.raises(ConsistencyTokenRefused, match="none that was given here"):
        TOKENS.write_of(token)


@pytest.mark.parametrize("written", ["{}=", "{}!", " {}", "{}\n", "{}, {}"])
def test_a_token_is_taken_as_it_was_given(written: str) -> None:
    """Base64 may be written in many ways; one of them is ours."""
    token = given()

    with pytest.raises(ConsistencyTokenRefused, match="none that was given here"):
        TOKENS.write_of(written.format(token, token))


def test_a_token_of_another_exchange_is_refused() -> None:
    """It is signed with another secret."""
    with pytest.raises(ConsistencyTokenRefused, match="none that was given here"):
        Tokens(lambda: "another").write_of(given())


def test_an_old_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time the client asks without it."""
    monkeypatch.setattr(own_writes, "LIFETIME_SECONDS", -1)

    with pytest.raises(ConsistencyTokenRefused, match="expired"):
        TOKENS.write_of(given())


def test_two_secrets_are_accepted_and_the_first_signs(tmp_path: Path) -> None:
    """A rotation step by step: tokens of both are good while both lines are in the file."""
    file = tmp_path / "secret"
    file.write_text("old\n")
    rotated = Tokens(OwnWritesSettings(consistency_secret_file=file).consistency_secrets)
    of_the_old = given(rotated)

    file.write_text("new\nold\n")
    of_the_new = given(rotated)

    assert rotated.write_of(of_the_old) == rotated.write_of(of_the_new) == WRITE
    assert Tokens(lambda: "new").write_of(of_the_new) == WRITE
    file.write_text("new\n")
    with pytest.raises(ConsistencyTokenRefused):
        rotated.write_of(of_the_old)


@pytest.mark.parametrize("secret", [None, "", " \n"])
def test_without_a_secret_there_are_no_tokens(secret: str | None) -> None:
    """None is given, and who sends one is told why it is not taken."""
    off = Tokens(lambda: secret)

    assert off.of(WRITE) is None
    with pytest.raises(ConsistencyTokenRefused, match="no secret is set"):
        off.write_of(given())


def test_a_file_that_is_away_fails_no_write(tmp_path: Path) -> None:
    """The secrets last read stay good: the write the token is for is done already."""
    file = tmp_path / "secret"
    file.write_text("secret\n")
    tokens = Tokens(OwnWritesSettings(consistency_secret_file=file).consistency_secrets)
    token = given(tokens)

    file.unlink()

    assert tokens.write_of(token) == tokens.write_of(given(tokens)) == WRITE


def test_a_secret_may_be_given_as_such() -> None:
    """By a variable, as a password."""
    settings = OwnWritesSettings(consistency_secret=SecretStr("a secret"))

    assert Tokens(settings.consistency_secrets).write_of(given()) == WRITE
