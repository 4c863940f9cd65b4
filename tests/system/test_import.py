"""Real listings go in through the public API as the back end sends them, and come out of it."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bukken_contract import exact_json
from bukken_local.issuer import tokens
from bukken_local.legacy import importer, mlit
from bukken_local.legacy.producer import body_of
from bukken_local.legacy.source import opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from running_platform import Platform

SAMPLE = Path(str(files("bukken_local.legacy") / "sample" / "tokyo_2021_excerpt.csv"))
ROWS = 463
REPLICATION_SECONDS = 5


@pytest.fixture
def run_import(
    platform: Platform, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[[], tuple[int, str]]:
    """Sends the sample to the platform; the exit status and the last line on the screen."""
    secret, running = tmp_path / "secret", platform.description
    secret.write_text(tokens.secret_of("legacy-backend", platform=running))
    options = {"url": platform.url, "token-url": running["token_url"]}
    paths = {"client-secret-file": secret, "report": tmp_path / "report"}
    words = [f"--{name}={value}" for name, value in (options | paths).items()]

    def imported() -> tuple[int, str]:
        status = importer.main([str(SAMPLE), *words])
        return status, capsys.readouterr().out.splitlines()[-1]

    return imported


def expected() -> dict[str, object]:
    """By key, what the sample's rows say, as JSON that has been on the wire."""
    with opened(SAMPLE, sources=(mlit.SOURCE,)) as lines:
        messages = [line.message for line in lines if line.message]
    return {m.key: json.loads(exact_json.encode(body_of(m.listing))) for m in messages}


def read(platform: Platform, *, like: dict[str, object]) -> dict[str, object]:
    """The same listings as the portals see them, cut to the members that were sent."""
    found: dict[str, object] = {}
    with platform.client("listings.read") as client:
        for key, sent in like.items():
            listing = client.get(f"/v1/listings/{key}").json()
            assert isinstance(sent, dict)
            found[key] = {name: listing.get(name) for name in sent}
    return found


def test_what_goes_in_comes_out(
    platform: Platform, run_import: Callable[[], tuple[int, str]]
) -> None:
    """Every line of the sample is taken in, and every value of it comes out of the standby."""
    status, summary = run_import()
    assert (status, f"{ROWS} lines read = {ROWS} accepted" in summary) == (0, True), summary

    sent = expected()
    last = list(sent)[-1]
    platform.wait_until(
        lambda: read(platform, like={last: sent[last]}) == {last: sent[last]},
        seconds=REPLICATION_SECONDS,
        what=f"the standby has {last}",
    )
    assert read(platform, like=sent) == sent


def test_second_import_changes_nothing(
    platform: Platform, run_import: Callable[[], tuple[int, str]]
) -> None:
    """What the back end sends twice is taken once: the second import finds all of it there."""
    run_import()
    with platform.client("listings.read") as client:
        version = client.get(f"/v1/listings/{next(iter(expected()))}").json()["Version"]
    status, summary = run_import()

    assert (status, version) == (0, 1)
    assert f"(0 created, 0 changed, {ROWS} unchanged)" in summary
