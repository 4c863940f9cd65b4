import json
from typing import TYPE_CHECKING, Any

import pytest
from feeding import Candidate, falsify, put, remove
from flask.testing import FlaskClient

from query_api import exports, pages

if TYPE_CHECKING:
    from feeding import Connection

EXPORT = "/v1/exports/listings"


def lines_of(client: FlaskClient, link: str) -> list[dict[str, Any]]:
    """Of a page."""
    answer = client.get(link)
    assert answer.status_code == 200, answer.data
    return [json.loads(line) for line in answer.data.splitlines()]


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_everything_visible_in_key_order(
    writer: "Connection", feed_client: FlaskClient, limit: int
) -> None:
    """Each page's last line has the next call, the last page's says that it is complete."""
    for key in ("物件", "b", "a", "gone", "hidden"):
        put(writer, key, status="Incomplete" if key == "hidden" else "Active")
    remove(writer, "gone")

    link, keys, last = f"{EXPORT}?limit={limit}", [], {}
    while link:
        *listings, last = lines_of(feed_client, link)
        assert last["count"] == len(listings)
        keys += [listing["ListingKey"] for listing in listings]
        link = last.get("next", "")

    assert (keys, last["complete"]) == (["a", "b", "物件"], True)


@pytest.mark.parametrize("most", [1, 450, 700])
def test_a_page_ends_when_it_is_full_by_size(
    writer: "Connection", feed_client: FlaskClient, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Whatever its limit, a Pod has the memory for it; nothing is left out."""
    for module in (pages, exports):
        monkeypatch.setattr(module, "MOST_CHARACTERS", most)
    monkeypatch.setattr(exports, "_AT_ONCE", 2)
    for key in "abcde":
        put(writer, key)

    link, keys, counts = EXPORT, "", []
    while link:
        *listings, last = lines_of(feed_client, link)
        counts.append(last["count"])
        keys += "".join(listing["ListingKey"] for listing in listings)
        link = last.get("next", "")

    assert (keys, max(counts) < 5) == ("abcde", True)


def test_an_empty_export_is_complete(feed_client: FlaskClient) -> None:
    """Its one line says so."""
    (last,) = lines_of(feed_client, EXPORT)

    assert (last["complete"], last["count"], last["EntityEventSequence"]) == (True, 0, 0)


def test_the_number_is_that_before_the_first_page(
    writer: "Connection", leader: Candidate, feed_client: FlaskClient
) -> None:
    """On every page; the changes after it are a call that stands there."""
    for key in "ab":
        put(writer, key)
    leader.number()
    *_, first = lines_of(feed_client, f"{EXPORT}?limit=1")
    put(writer, "c")
    leader.number()

    *_, second = lines_of(feed_client, first["next"])
    changes = feed_client.get(second["changes"]).get_json()["value"]

    assert (first["EntityEventSequence"], second["EntityEventSequence"]) == (2, 2)
    assert [(e["EntityEventSequence"], e["Listing"]["ListingKey"]) for e in changes] == [(3, "c")]


def test_an_export_of_another_feed_begins_again(
    writer: "Connection", leader: Candidate, master: "Connection", feed_client: FlaskClient
) -> None:
    """Its first pages may show what a restore took back."""
    for key in "ab":
        put(writer, key)
    leader.number()
    *_, first = lines_of(feed_client, f"{EXPORT}?limit=1")
    falsify(master, "feed_id = gen_random_uuid()")

    answer = feed_client.get(first["next"])

    assert (answer.status_code, answer.get_json()["type"]) == (
        410,
        "urn:bukken:problem:begin-again",
    )


@pytest.mark.parametrize("query", ["limit=0", "limit=5001", "cursor=abc", "City=a"])
def test_what_is_not_understood_is_refused(feed_client: FlaskClient, query: str) -> None:
    """There is nothing to filter by: it is everything."""
    assert feed_client.get(f"{EXPORT}?{query}").status_code == 422
