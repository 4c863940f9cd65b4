import json
import threading
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from feeding import Candidate, falsify, put, remove
from flask.testing import FlaskClient
from waiting import wait_until

from query_api import feed_queries, pages

if TYPE_CHECKING:
    from feeding import Connection
    from migrated_database import MigratedDatabase

Page = dict[str, Any]


def begun(client: FlaskClient) -> str:
    """The FeedId, as who begins is told it."""
    feed_id: str = client.get("/v1/changes?after=0").get_json()["FeedId"]
    return feed_id


def numbers(page: Page) -> list[int]:
    """Those of its events."""
    return [event["EntityEventSequence"] for event in page["value"]]


def test_an_event_has_resos_names(
    writer: "Connection", leader: Candidate, feed_client: FlaskClient
) -> None:
    """EntityEvent of RCP-27: a number, the resource and the record's key."""
    put(writer, "東京")
    leader.number()

    page = feed_client.get("/v1/changes?after=0").get_json()

    assert page["value"] == [
        {"EntityEventSequence": 1, "ResourceName": "Property", "ResourceRecordKey": "東京"}
    ]


def test_pages_go_on_where_the_last_ended(
    writer: "Connection", leader: Candidate, feed_client: FlaskClient
) -> None:
    """While there is more, by nextLink; then After is what to ask with."""
    for key in "abcde":
        put(writer, key)
    leader.number()

    link, seen, page = "/v1/changes?after=0&limit=2", [], {}
    while link:
        page = feed_client.get(link).get_json()
        seen += numbers(page)
        link = page.get("nextLink")

    assert (seen, page["After"]) == ([1, 2, 3, 4, 5], 5)


def test_who_has_everything_gets_an_empty_page(
    writer: "Connection", leader: Candidate, feed_client: FlaskClient
) -> None:
    """And the same number to ask again with."""
    put(writer, "a")
    leader.number()

    page = feed_client.get(f"/v1/changes?after=1&FeedId={begun(feed_client)}").get_json()

    assert (page["value"], page["After"], "nextLink" in page) == ([], 1, False)


def test_a_feed_that_has_no_event_yet_can_be_asked(feed_client: FlaskClient) -> None:
    """0 is a place in it."""
    page = feed_client.get("/v1/changes?after=0").get_json()

    assert (page["value"], page["After"]) == ([], 0)


def test_the_listing_comes_along_as_it_is_now(
    writer: "Connection", leader: Candidate, feed_client: FlaskClient
) -> None:
    """With each of its events; what is removed, hidden or away altogether is gone."""
    for key in ("there", "removed", "hidden", "away"):
        put(writer, key)
    put(writer, "there", status="Pending")
    remove(writer, "removed")
    put(writer, "hidden", status="Incomplete")
    writer.execute("DELETE FROM listings WHERE listing_key = 'away'")
    leader.number()

    events = feed_client.get("/v1/changes?after=0&include=listing").get_json()["value"]
    there = [e["Listing"] for e in events if e["ResourceRecordKey"] == "there"]
    others = [e for e in events if e["ResourceRecordKey"] != "there"]

    assert [(x["Version"], x["StandardStatus"]) for x in there] == [(2, "Pending")] * 2
    assert {(e["Gone"], "Listing" in e) for e in others} == {(True, False)}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("", "after"),
        ("after=-1", "after"),
        ("after=01", "after"),
        ("after=9223372036854775808", "after"),
        ("after=1", "FeedId"),
        ("after=1&FeedId=x", "FeedId"),
        ("after=0&include=media", "include"),
        ("after=0&limit=1001", "limit"),
        ("after=0&after=0", "after"),
        ("after=0&since=2026", "since"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(
    feed_client: FlaskClient, query: str, named: str
) -> None:
    """A misspelt parameter would otherwise be an answer to another question."""
    answer = feed_client.get(f"/v1/changes?{query}")

    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.get_json()["errors"]] == [named]


def begin_again(client: FlaskClient, after: int, *, feed_id: str) -> bool:
    """Whether a client there is told to export."""
    answer = client.get(f"/v1/changes?after={after}&FeedId={feed_id}")
    problem = answer.get_json()
    told = problem.get("type") == "urn:bukken:problem:begin-again"
    assert not told or "/v1/exports/listings" in problem["detail"]
    return answer.status_code == 410 and told


def test_another_feeds_number_is_410(
    writer: "Connection", leader: Candidate, feed_client: FlaskClient
) -> None:
    """After a restore the same number may stand for something else."""
    put(writer, "a")
    leader.number()

    assert begin_again(feed_client, 1, feed_id=str(uuid4()))
    assert not begin_again(feed_client, 1, feed_id=begun(feed_client))


def test_after_a_restore_everybody_begins_again(
    writer: "Connection", leader: Candidate, master: "Connection", feed_client: FlaskClient
) -> None:
    """Also who has no number that was lost: what came with an event may be lost."""
    put(writer, "a")
    leader.number()
    feed_id = begun(feed_client)
    master.execute("UPDATE feed SET written_by = 'somebody else'")
    leader.number()

    assert begin_again(feed_client, 1, feed_id=feed_id)
    assert begun(feed_client) != feed_id


def test_a_page_is_in_the_order_of_its_numbers(
    writer: "Connection", leader: Candidate, master: "Connection", feed_client: FlaskClient
) -> None:
    """In whatever order the events lie in the table."""
    for key in "abc":
        put(writer, key)
    leader.number()
    master.execute("UPDATE events SET written_at = now() WHERE sequence = 1")

    page = feed_client.get("/v1/changes?after=0&limit=2").get_json()

    assert numbers(page) == [1, 2]


def test_a_page_ends_when_it_is_full_by_size(
    writer: "Connection",
    leader: Candidate,
    feed_client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As an export's does; the rest comes on the next one."""
    monkeypatch.setattr(pages, "MOST_CHARACTERS", 1)
    for key in "ab":
        put(writer, key)
    leader.number()

    page = feed_client.get("/v1/changes?after=0&include=listing").get_json()
    rest = feed_client.get(page["nextLink"]).get_json()

    assert (numbers(page), numbers(rest), "nextLink" in rest) == ([1], [2], False)


def test_a_feed_of_which_nothing_is_kept_goes_on(
    writer: "Connection", leader: Candidate, master: "Connection", feed_client: FlaskClient
) -> None:
    """An export gives the last that was forgotten; who comes with it is not sent away."""
    put(writer, "a")
    leader.number()
    master.execute("UPDATE events SET numbered_at = now() - interval '1 year'")
    writer.execute("SELECT forget_events(interval '30 days', 1000)")

    exported = json.loads(feed_client.get("/v1/exports/listings").data.splitlines()[-1])

    assert exported["EntityEventSequence"] == 1
    assert feed_client.get(exported["changes"]).get_json()["value"] == []


def test_what_is_no_longer_kept_is_410(
    writer: "Connection", leader: Candidate, master: "Connection", feed_client: FlaskClient
) -> None:
    """The last that is not kept is still a place: everything after it is there."""
    for _ in range(3):
        put(writer, "a")
    leader.number()
    feed_id = begun(feed_client)
    master.execute("UPDATE events SET numbered_at = now() - interval '1 year' WHERE sequence < 3")
    writer.execute("SELECT forget_events(interval '30 days', 1000)")

    told = feed_client.get(f"/v1/changes?after=1&FeedId={feed_id}").get_json()["detail"]
    assert told.startswith("what is up to 2 is no longer kept")
    assert begin_again(feed_client, 1, feed_id=feed_id)
    assert begin_again(feed_client, 0, feed_id=feed_id)
    assert numbers(feed_client.get(f"/v1/changes?after=2&FeedId={feed_id}").get_json()) == [3]


def test_a_number_beyond_the_last_is_410(leader: Candidate, feed_client: FlaskClient) -> None:
    """Once the reader is known to have all there was: never an empty page for ever."""
    feed_id = begun(feed_client)
    stop = threading.Event()

    def lead() -> None:
        while not stop.wait(0.1):
            leader.number(lease="0")

    thread = threading.Thread(target=lead)
    thread.start()
    told = begin_again(feed_client, 99, feed_id=feed_id)
    stop.set()
    thread.join()

    assert told


def test_a_reader_that_is_behind_says_so(
    feed_client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No sign of the leader since: the number may be right, so it is no reason to begin again."""
    monkeypatch.setattr(feed_queries, "WAIT_SECONDS", 0.3)
    feed_id = begun(feed_client)

    answer = feed_client.get(f"/v1/changes?after=99&FeedId={feed_id}")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_a_reader_whose_clock_is_behind_a_little_sends_nobody_away(
    master: "Connection", feed_client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its clock an earlier sign of the leader came after the question: that tells nothing."""
    monkeypatch.setattr(feed_queries, "WAIT_SECONDS", 0.1)
    feed_id = begun(feed_client)
    falsify(master, "led_at = clock_timestamp() + interval '0.4 s'")

    answer = feed_client.get(f"/v1/changes?after=99&FeedId={feed_id}")

    assert answer.status_code == 503


def test_a_reader_that_catches_up_answers(
    writer: "Connection",
    leader: Candidate,
    feed_database: "MigratedDatabase",
    follower: FlaskClient,
) -> None:
    """A client that saw a number elsewhere is waited with, and misses nothing."""
    put(writer, "a")
    leader.number()
    wait_until(lambda: numbers(follower.get("/v1/changes?after=0").get_json()), what="it follows")
    feed_id = begun(follower)
    with feed_database.replay_paused():
        put(writer, "b")
        leader.number()
        answers: list[Any] = []
        asking = threading.Thread(
            target=lambda: answers.append(follower.get(f"/v1/changes?after=2&FeedId={feed_id}"))
        )
        asking.start()
    asking.join()

    assert (answers[0].status_code, answers[0].get_json()["After"]) == (200, 2)


def test_head_answers_too(feed_client: FlaskClient) -> None:
    """With the headers of a GET and no body."""
    answer = feed_client.head("/v1/changes?after=0")

    assert (answer.status_code, answer.data) == (200, b"")
