"""Which tokens are taken, by every call that reads."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.test import TestResponse

from bukken_contract import own_writes
from bukken_contract.own_writes import HEADER, Tokens, Write
from query_api.app import create_app
from query_api.settings import Settings

if TYPE_CHECKING:
    from flask import Flask
    from migrated_database import MigratedDatabase

SECRET = "the exchange's"
TOKENS = Tokens(lambda: SECRET)
OTHERS = ("/v1/listings", "/v1/listing-keys", "/v1/exports/listings", "/v1/changes?after=0")
Make = Callable[..., "Flask"]
Put = Callable[..., None]


@pytest.fixture
def make(database: "MigratedDatabase") -> Iterator[Make]:
    """Makes a query-api with these settings."""
    with ExitStack() as stack:

        def make(**settings: Any) -> "Flask":  # noqa: ANN401 — a setting is of any type
            told = database.settings("bukken_reader").model_dump(exclude_none=True)
            app = create_app(
                Settings.model_validate(told | {"consistency_secret": SECRET} | settings)
            )
            stack.callback(app.extensions["database"].close)
            return app

        yield make


def asked(app: "Flask", path: str, *, token: str | None) -> TestResponse:
    """The answer to a query with a token."""
    return app.test_client().get(path, headers={HEADER: str(token)})


def flipped(token: str) -> str:
    """With one character another."""
    return token[:-1] + ("A" if token[-1] != "A" else "B")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "no token",
        "é",
        flipped(str(TOKENS.of(Write("a", 2)))),
        str(Tokens(lambda: "another exchange's").of(Write("a", 2))),
    ],
    ids=["empty", "malformed", "not ASCII", "forged", "foreign"],
)
@pytest.mark.parametrize("path", ["/v1/listings/a", *OTHERS])
def test_a_token_that_is_none_is_refused(path: str, token: str, make: Make) -> None:
    """400 that names the header, by every call: none is ignored."""
    answer = asked(make(), path, token=token)

    assert answer.status_code == 400
    assert answer.get_json()["type"] == "urn:bukken:problem:consistency-token-refused"
    assert HEADER in answer.get_json()["detail"]


def test_an_expired_token_is_refused(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so: the client asks without it."""
    monkeypatch.setattr(own_writes, "LIFETIME_SECONDS", -1)

    answer = asked(make(), "/v1/listings/a", token=TOKENS.of(Write("a", 2)))

    assert (answer.status_code, "expired" in answer.get_json()["detail"]) == (400, True)


def test_without_a_secret_every_token_is_refused(make: Make) -> None:
    """Started alone it promises nothing, and says so rather than look the other way."""
    answer = asked(make(consistency_secret=None), "/v1/listings/a", token=TOKENS.of(Write("a", 2)))

    assert (answer.status_code, "no secret is set" in answer.get_json()["detail"]) == (400, True)


def test_a_rotation_needs_no_restart(make: Make, put: Put, tmp_path: Path) -> None:
    """With both lines in the file both are accepted; then the old one's tokens are refused."""
    put("a")
    file = tmp_path / "secrets"
    app = make(consistency_secret=None, consistency_secret_file=file)
    old, new = (Tokens(partial(str, text)).of(Write("a", 1)) for text in ("old", "new"))

    statuses = []
    for text in ("old\n", "new\nold\n", "new\n"):
        file.write_text(text)
        statuses.append([asked(app, "/v1/listings/a", token=t).status_code for t in (old, new)])

    assert statuses == [[200, 400], [200, 200], [400, 200]]
