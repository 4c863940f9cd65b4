"""The relay's rules, each by itself: whom it believes away, what an answer means, how it waits."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from bukken_contract.settings import table
from command_api.relay import listings
from command_api.relay.back_end import outcome_of
from command_api.relay.backoff import AWAY_AFTER, Pace, jittered
from command_api.relay.listings import Listings, NoAnswer, Snapshot
from command_api.relay.settings import Settings
from command_api.relay.tokens import NoToken, Token

README = Path(__file__).parents[2] / "services" / "command-api" / "README.md"


def test_the_readme_has_the_relays_settings() -> None:
    """A setting that is not documented does not exist for the one who runs it."""
    text = README.read_text(encoding="utf-8")

    documented = text.partition("<!-- relay -->\n")[2].partition("\n<!-- /relay -->")[0]

    assert documented == table(Settings)


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        ("delivered", (200, 201, 202, 204)),
        ("refused", (400, 410, 413, 415, 422)),
        # Address or rights are wrong, or it is "not now": mended without the inquiry.
        ("failed", (302, 401, 403, 404, 405, 408, 409, 425, 429, 500, 501, 502, 503, 504)),
    ],
)
def test_what_an_answer_means(kind: str, statuses: tuple[int, ...]) -> None:
    """2xx is taken; what the inquiry itself is refused for is parked; the rest is tried again."""
    assert {outcome_of(status).kind for status in statuses} == {kind}


@pytest.mark.parametrize("media_type", ["text/html", "Text/HTML; charset=Shift_JIS"])
def test_a_page_for_people_is_no_delivery(media_type: str) -> None:
    """What a maintenance says with 200 has taken nothing; any other 2xx has."""
    assert outcome_of(200, media_type=media_type) == ("failed", "answered-with-a-page")
    assert outcome_of(200, media_type="application/json").kind == "delivered"


def test_the_limit_doubles_up_to_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """With full jitter: anything up to the limit, which is what is looked at here."""
    monkeypatch.setattr("random.uniform", lambda least, most: most - least)
    limits = [jittered(n, first_seconds=1, most_seconds=60) for n in (1, 2, 3, 7, 100_000)]

    assert limits == [1, 2, 4, 60, 60]


def test_a_back_end_that_fails_is_asked_by_one_at_a_time() -> None:
    """After some failures in a row, until one is answered."""
    pace = Pace(at_once=32)
    for _ in range(AWAY_AFTER):
        assert (pace.at_once, pace.pause()) == (32, 0)
        pace.failed()
    assert (pace.away, pace.at_once) == (True, 1)

    pace.answered()
    assert (pace.away, pace.at_once) == (False, 32)


def test_one_that_cannot_be_taken_slows_nothing_down() -> None:
    """Its failures stand between the others' successes."""
    pace = Pace(at_once=32)
    for _ in range(3 * AWAY_AFTER):
        pace.failed()
        pace.answered()

    assert not pace.away


class Query:
    """query-api as it is told to be."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.tokens: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """One answer after the other; the last again and again."""
        if request.url.path == "/oauth2/token":
            self.tokens.append("asked for")
            return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return httpx.Response(status, content=b"{}")


def asked(query: Query, *, times: int) -> list[Snapshot | str]:
    """What a relay makes of so many answers."""

    async def ask() -> list[Snapshot | str]:
        made: list[Snapshot | str] = []
        transport = httpx.MockTransport(query)
        async with httpx.AsyncClient(transport=transport, base_url="http://egress") as client:
            token = Token(client, client_id="inquiry-relay", secret=str)
            own = Listings(client, token=token)
            for _ in range(times):
                await token.keep_good()
                try:
                    made.append(await own.of("k"))
                except NoAnswer:
                    made.append("again")
        return made

    return asyncio.run(ask())


def test_silence_is_waited_out_until_the_patience_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within it the inquiry waits; after it goes without the listing, until there is an answer."""
    assert asked(Query(503), times=2) == ["again", "again"]

    monkeypatch.setattr(listings, "PATIENCE_SECONDS", 0.0)
    assert asked(Query(503, 500, 200), times=3) == [
        listings.UNAVAILABLE,
        listings.UNAVAILABLE,
        Snapshot("attached", b"{}"),
    ]


def test_one_listing_that_is_never_answered_holds_nothing_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When the patience is over it goes without itself, though all others are answered."""
    clock = [0.0]
    monkeypatch.setattr(listings, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    async def of_the_bad_one() -> list[Snapshot | str]:
        made: list[Snapshot | str] = []
        transport = httpx.MockTransport(
            lambda r: httpx.Response(500 if r.url.path[-1] == "b" else 200)
        )
        async with httpx.AsyncClient(transport=transport, base_url="http://egress") as client:
            own = Listings(client, token=Token(client, client_id="inquiry-relay", secret=str))
            for clock[0] in (0.0, 59.0, 60.0, 200.0):
                await own.of("a")
                try:
                    made.append(await own.of("b"))
                except NoAnswer:
                    made.append("again")
        return made

    assert asyncio.run(of_the_bad_one()) == ["again", "again", listings.UNAVAILABLE, "again"]


def test_a_token_that_is_refused_is_renewed() -> None:
    """The issuer may have changed its keys: a new one is had, and the inquiry tried again."""
    query = Query(401, 200)

    assert asked(query, times=2) == ["again", Snapshot("attached", b"{}")]
    assert len(query.tokens) == 2


def test_a_token_that_is_never_taken_is_not_renewed_for_each_inquiry() -> None:
    """Keys that differ are no reason to ask the issuer some hundred times a second."""
    query = Query(401)
    asked(query, times=20)

    assert len(query.tokens) == 2


def test_a_token_is_kept_until_half_of_its_life_is_over() -> None:
    """Not one for each inquiry; an issuer that is away for less than that is noticed by nobody."""
    query = Query(200)
    asked(query, times=20)

    assert len(query.tokens) == 1


def test_without_any_token_nothing_is_asked() -> None:
    """Who has none waits."""

    async def ask() -> None:
        transport = httpx.MockTransport(lambda _: httpx.Response(500))
        async with httpx.AsyncClient(transport=transport, base_url="http://egress") as client:
            await Token(client, client_id="inquiry-relay", secret=str).keep_good()

    with pytest.raises(NoToken):
        asyncio.run(ask())
