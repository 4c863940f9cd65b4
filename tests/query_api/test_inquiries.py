from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from feeding import Candidate, falsify, put
from flask.testing import FlaskClient
from inquiring import PATH, TRACES, keep

if TYPE_CHECKING:
    from feeding import Connection
    from werkzeug.test import TestResponse

Page = dict[str, Any]


def number(leader: Candidate, writer: "Connection") -> None:
    """As the sequencer does."""
    writer.execute("SELECT number_inquiries(%s, 0, 1000)", [leader.name])


def asked(client: FlaskClient, key: str, *, by: str = "portal-a") -> "TestResponse":
    """What became of an inquiry, as the sidecar passes the question on."""
    return client.get(f"{PATH}/{key}", headers={"X-Client-Id": by})


def page(client: FlaskClient, query: str = "") -> Page:
    """A page of all inquiries."""
    found: Page = client.get(f"{PATH}{query}").get_json()
    return found


def test_who_posted_an_inquiry_sees_what_became_of_it(
    writer: "Connection", feed_client: FlaskClient
) -> None:
    """State, attempts, times; nothing of the person, whom the poster has."""
    key = keep(writer)
    writer.execute(
        "UPDATE inquiries SET state = 'delivered', attempts = 3, "
        "last_attempt_at = '2026-11-22 09:30+00', delivered_at = '2026-11-22 09:31+00'"
    )
    answer = asked(feed_client, key)
    status = answer.get_json()

    assert status.pop("ReceivedTimestamp").endswith("Z")
    assert status == {
        "InquiryKey": key,
        "ListingKey": "a",
        "InquiryStatus": "Delivered",
        "Attempts": 3,
        "LastAttemptTimestamp": "2026-11-22T09:30:00Z",
        "DeliveredTimestamp": "2026-11-22T09:31:00Z",
    }
    assert [trace for trace in TRACES if trace in answer.text] == []


def test_no_cache_keeps_an_inquiry(writer: "Connection", feed_client: FlaskClient) -> None:
    """What is erased here would live on there."""
    answers = (asked(feed_client, keep(writer)), feed_client.get(PATH))

    assert [answer.headers["Cache-Control"] for answer in answers] == ["no-store", "no-store"]


def test_anothers_inquiry_is_not_there(writer: "Connection", feed_client: FlaskClient) -> None:
    """It looks like one that never was."""
    foreign = asked(feed_client, keep(writer), by="portal-b")
    unknown = asked(feed_client, str(uuid4()))
    odd = asked(feed_client, "%FF")

    assert [answer.status_code for answer in (foreign, unknown, odd)] == [404, 404, 404]
    assert {a.get_json()["detail"] for a in (foreign, unknown, odd)} == {"there is no such inquiry"}


def test_nobody_in_particular_sees_none(writer: "Connection", feed_client: FlaskClient) -> None:
    """Only the sidecar says who a client is."""
    assert feed_client.get(f"{PATH}/{keep(writer)}").status_code == 401


def test_the_back_end_gets_all_of_all(
    writer: "Connection", leader: Candidate, feed_client: FlaskClient
) -> None:
    """Whoever posted them, from the oldest that is kept, in the order of their numbers."""
    first, second = keep(writer, "1"), keep(writer, "2", poster="portal-b")
    number(leader, writer)
    found = page(feed_client)

    assert [(e["InquirySequence"], e["InquiryKey"]) for e in found["value"]] == [
        (1, first),
        (2, second),
    ]
    person = {name: found["value"][0][name] for name in ("FullName", "Email", "Phone", "Message")}
    assert person == {
        "FullName": "山田 Himitsutaro",
        "Email": "himitsu.taro@example.com",
        "Phone": "+81398765432",
        "Message": "Ohimitsu 内見\nしたいです",
    }


def test_the_back_end_follows_page_by_page(
    writer: "Connection", leader: Candidate, feed_client: FlaskClient
) -> None:
    """By nextLink while there is one, then by After and FeedId; events' numbers are gaps here."""
    for key in ("1", "2", "3"):
        keep(writer, key)
        put(writer, key)
        leader.number()
        number(leader, writer)
    first = page(feed_client, "?limit=2")
    second = feed_client.get(first["nextLink"]).get_json()
    keep(writer, "4")
    number(leader, writer)
    third = page(feed_client, f"?after={second['After']}&FeedId={second['FeedId']}")

    pages = [[e["InquiryKey"] for e in each["value"]] for each in (first, second, third)]
    assert pages == [["1", "2"], ["3"], ["4"]]
    assert "nextLink" not in second


def test_what_is_erased_is_told_without_the_person(
    writer: "Connection", leader: Candidate, feed_client: FlaskClient
) -> None:
    """So that a back end which already has it can take it out."""
    keep(writer, "1")
    number(leader, writer)
    writer.execute(
        "UPDATE inquiries SET name = NULL, email = NULL, phone = NULL, message = NULL, "
        "request_digest = NULL, person_removed_at = now(), person_removed_because = 'request', "
        "state = 'erased'"
    )
    (found,) = page(feed_client)["value"]

    assert found["InquiryStatus"] == "Erased"
    assert not found.keys() & {"FullName", "Email", "Phone", "Message"}


def test_what_has_no_number_yet_is_not_in_it(
    writer: "Connection", feed_client: FlaskClient
) -> None:
    """Or a smaller number could come after it."""
    keep(writer)

    assert page(feed_client)["value"] == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?after=1", 422),
        ("?after=x", 422),
        ("?limit=201", 422),
        ("?after=0&include=listing", 422),
        ("?after=7&FeedId={feed}", 410),
        ("?after=0&FeedId=00000000-0000-4000-8000-000000000000", 410),
    ],
)
def test_what_is_no_place_is_refused(  # noqa: PLR0913, PLR0917 — its table has two columns
    query: str,
    status: int,
    writer: "Connection",
    master: "Connection",
    leader: Candidate,
    feed_client: FlaskClient,
) -> None:
    """By the feed's own rules; never an empty page for ever."""
    keep(writer, "1")
    number(leader, writer)
    feed = page(feed_client)["FeedId"]
    # The leader's next sign of life: this reader has all there is.
    falsify(master, "led_at = now() + interval '1 min'")

    assert feed_client.get(f"{PATH}{query.format(feed=feed)}").status_code == status


def test_an_event_is_no_place_among_inquiries(
    writer: "Connection", leader: Candidate, feed_client: FlaskClient
) -> None:
    """A number of the other list was never an answer here."""
    put(writer, "a")
    leader.number()
    keep(writer, "1")
    number(leader, writer)
    feed = page(feed_client)["FeedId"]

    assert feed_client.get(f"{PATH}?after=1&FeedId={feed}").status_code == 410
    assert page(feed_client, f"?after=2&FeedId={feed}")["value"] == []


def test_who_was_away_too_long_is_told_how_to_begin_again(
    writer: "Connection", master: "Connection", leader: Candidate, feed_client: FlaskClient
) -> None:
    """And then gets what is kept."""
    for key in ("1", "2", "3"):
        keep(writer, key)
    number(leader, writer)
    old = page(feed_client, "?limit=1")
    master.execute("UPDATE inquiries SET numbered_at = now() - interval '31 days' WHERE number < 3")
    writer.execute("SELECT forget_inquiries(interval '30 days', 1000)")
    late = feed_client.get(old["nextLink"])

    assert (late.status_code, "without after" in late.get_json()["detail"]) == (410, True)
    assert [each["InquiryKey"] for each in page(feed_client)["value"]] == ["3"]
