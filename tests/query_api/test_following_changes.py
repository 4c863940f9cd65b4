"""The partners' page on following says what is so: its calls are made, its answers compared."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feeding import Candidate, put
from flask.testing import FlaskClient

if TYPE_CHECKING:
    from feeding import Connection

PAGE = (Path(__file__).parents[2] / "docs" / "following-changes.md").read_text(encoding="utf-8")
EXPORT, CHANGES = re.findall(r"^GET (/\S+)$", PAGE, re.MULTILINE)
NEXT, COMPLETE, FEED = (
    json.loads(block.replace("…}", '"…": "…"}'))
    for block in re.findall(r"^\{.*?\}$(?!\n )", PAGE, re.MULTILINE | re.DOTALL)
)
Members = dict[str, Any]


def members_of(value: object) -> object:
    """The names of a JSON value, all the way down; a listing is told elsewhere."""
    if isinstance(value, dict):
        return {k: None if k == "Listing" else members_of(v) for k, v in value.items()}
    return [members_of(each) for each in value] if isinstance(value, list) else None


def asked(link: str, *, after: int, feed_id: str) -> str:
    """The page's call with another's place in the feed."""
    return re.sub(r"FeedId=[^&]+", f"FeedId={feed_id}", link.replace("4711", str(after)))


def exported(client: FlaskClient, link: str) -> Members:
    """The last line of a page of the export."""
    last: Members = json.loads(client.get(link).data.splitlines()[-1])
    return last


def test_the_export_answers_as_the_page_says(
    writer: "Connection", leader: Candidate, feed_client: FlaskClient
) -> None:
    """Each last line has those members, in that order."""
    for number in range(2):
        put(writer, str(number))
    leader.number()

    first = exported(feed_client, f"{EXPORT}?limit=1")
    last = exported(feed_client, first["next"])

    assert (list(first), list(last)) == (list(NEXT), list(COMPLETE))
    like = re.sub("4711", str(first["EntityEventSequence"]), NEXT["changes"])
    assert first["changes"] == like.replace("FeedId=…", f"FeedId={first['FeedId']}")


def test_the_feed_answers_as_the_page_says(
    writer: "Connection", leader: Candidate, feed_client: FlaskClient
) -> None:
    """To its very call: a listing that is there, and one that is gone."""
    put(writer, "a")
    put(writer, "b")
    leader.number()
    place = exported(feed_client, EXPORT)
    put(writer, "a")
    put(writer, "b", status="Incomplete")
    leader.number()

    link = asked(CHANGES, after=place["EntityEventSequence"], feed_id=place["FeedId"])
    page = feed_client.get(link).get_json()

    assert members_of(page) == members_of(FEED)
    assert page["After"] == place["EntityEventSequence"] + 2


def test_who_keeps_after_and_feed_id_goes_on(
    writer: "Connection", leader: Candidate, feed_client: FlaskClient
) -> None:
    """The two that the page says to keep are all that the next call needs."""
    begun = exported(feed_client, EXPORT)
    kept = begun["EntityEventSequence"], begun["FeedId"]
    seen = []
    for key in "ab":
        put(writer, key)
        leader.number()
        page = feed_client.get(asked(CHANGES, after=kept[0], feed_id=kept[1])).get_json()
        kept = page["After"], page["FeedId"]
        seen += [event["ResourceRecordKey"] for event in page["value"]]

    assert seen == ["a", "b"]
