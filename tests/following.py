"""A partner: follows the feed through the query side, and keeps a copy of what it was told."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from feeding import Candidate, Connection, Event, events_of, put
from flask.testing import FlaskClient
from migrated_database import MigratedDatabase
from running_command_api import RunningCommandApi
from waiting import wait_until

Copy = dict[str, int]
StartSequencer = Callable[[MigratedDatabase], RunningCommandApi]


class Answer(Protocol):
    """What both the tests' client of an app and a client of the platform give."""

    @property
    def status_code(self) -> int:
        """HTTP's."""

    @property
    def data(self) -> bytes:
        """The body."""


class Client(Protocol):
    """Whom a partner asks."""

    def get(self, link: str, /) -> Answer:
        """Asks."""


class Follower:
    """Follows until it is told to stop and has all there is."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.events: list[tuple[int, str]] = []
        self.copy: Copy = {}
        self.after = 0
        self.feed_id = ""

    @property
    def numbers(self) -> list[int]:
        """Of all events it was told."""
        return [number for number, _ in self.events]

    def start_at(self, *, after: int, feed_id: str, copy: Copy) -> None:
        """With what an export gave."""
        self.after, self.feed_id, self.copy = after, feed_id, copy

    def follow(self, *, until: Callable[[], bool]) -> None:
        """Asks again and again; the last time after it was told to stop."""
        last = False
        while not last:
            last = until()
            while self.page():
                pass

    def page(self) -> bool:
        """Whether there was something new."""
        feed_id = f"&FeedId={self.feed_id}" if self.feed_id else ""
        link = f"/v1/changes?after={self.after}{feed_id}&include=listing&limit=100"
        answer = self._client.get(link)
        if answer.status_code == 503:
            return True
        assert answer.status_code == 200, answer.data
        page = json.loads(answer.data)
        self.after, self.feed_id = page["After"], page["FeedId"]
        for event in page["value"]:
            self._take(event)
        return bool(page["value"])

    def _take(self, event: dict[str, Any]) -> None:
        key = event["ResourceRecordKey"]
        self.events.append((event["EntityEventSequence"], key))
        if "Gone" in event:
            self.copy.pop(key, None)
        else:
            self.copy[key] = event["Listing"]["Version"]


@contextmanager
def following(follower: Follower, *, seconds: float = 10) -> Iterator[None]:
    """It follows while this is open, and afterwards has all that there is."""
    stop = threading.Event()
    # A daemon: a test that fails ends.
    thread = threading.Thread(target=lambda: follower.follow(until=stop.is_set), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=seconds)
        assert not thread.is_alive(), "the follower has not come to the end"


class Exporter:
    """A partner that loads everything, a page a call."""

    def __init__(self, client: Client, *, limit: int) -> None:
        self._client = client
        self.link: str | None = f"/v1/exports/listings?limit={limit}"
        self.copy: Copy = {}
        self.pages = 0
        self.last: dict[str, Any] = {}

    @property
    def is_complete(self) -> bool:
        """Whether the last line of a page has said so."""
        return self.link is None

    def page(self, *, broken_after: int | None = None) -> None:
        """Loads a page; one that breaks off after so many lines is asked for again."""
        answer = self._client.get(self.link or "")
        assert answer.status_code == 200, answer.data
        lines = [json.loads(line) for line in answer.data.splitlines()][:broken_after]
        if "count" not in lines[-1]:
            return
        *listings, self.last = lines
        assert self.last["count"] == len(listings)
        self.copy |= {listing["ListingKey"]: listing["Version"] for listing in listings}
        self.link = self.last.get("next")
        self.pages += 1


def table_of(database: MigratedDatabase) -> Copy:
    """What the copy must be in the end."""
    with database.connect("bukken_writer") as writer:
        rows = writer.execute("SELECT listing_key, version FROM listings WHERE visible")
        return dict(rows.fetchall())


def until_all_is_numbered(master: Connection) -> list[Event]:
    """The events, once none waits."""
    wait_until(
        lambda: master.execute("SELECT FROM unnumbered_events").fetchone() is None,
        what="all is numbered",
    )
    return events_of(master)


def write(database: MigratedDatabase, *keys: str, numbered: bool = True) -> None:
    """Puts listings, and a new Pod's sequencer numbers them."""
    with database.connect("bukken_writer") as writer:
        writer.autocommit = True
        for key in keys:
            put(writer, key)
        if numbered:
            assert Candidate(writer).number(lease="0") is not None


def begins_again(client: FlaskClient, follower: Follower) -> bool:
    """Whether the follower is told to, and how."""
    link = f"/v1/changes?after={follower.after}&FeedId={follower.feed_id}"
    problem = client.get(link).get_json()
    return (problem.get("status"), "/v1/exports/listings" in problem.get("detail", "")) == (
        410,
        True,
    )


def followed(client: FlaskClient) -> Follower:
    """Who has all there is."""
    made = Follower(client)
    while made.page():
        pass
    return made


def is_complete(client: FlaskClient, database: MigratedDatabase) -> bool:
    """Whether a new export, and the changes after it, are the table."""
    exporter, anew = Exporter(client, limit=2), Follower(client)
    exporter.page()
    write(database, "d", "a")
    while not exporter.is_complete:
        exporter.page()
    begun = exporter.last
    anew.start_at(after=begun["EntityEventSequence"], feed_id=begun["FeedId"], copy=exporter.copy)
    while anew.page():
        pass
    return anew.copy == table_of(database)
