"""What is asked of what has the feed's numbers, and how sure the answer is.

It is read from readers, which follow the writer, one a little later than another. A number
that this reader does not know yet is not foreign for that: what tells them apart is the leader's
sign of life in the feed's row. One that was made after the question has come with all before it.
"""

import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, Column, Integer, RowMapping, Select, bindparam, func, select

from bukken_contract.problems import BeginAgain, Unavailable
from bukken_database.inquiry_table import inquiries
from bukken_database.schema import events, feed, listings
from bukken_database.sessions import ReadSession
from query_api.queries import PUBLIC

# The leader gives a sign each second.
WAIT_SECONDS: Final = 2.5
_ASK_AGAIN_SECONDS: Final = 0.1
# The sign is by the writer's clock, the question by this reader's. Were the reader's behind, an
# earlier sign would pass for a later one, and a right number for one that was never given.
_CLOCKS_DIFFER: Final = timedelta(seconds=0.5)
# A client may make up numbers: those who wait for one must not hold every thread.
_WAITING: Final = threading.BoundedSemaphore(2)

_EVENTS: Final[Select[Any]] = (
    select(events.c.sequence, events.c.listing_key.label("key"))
    .where(events.c.sequence > bindparam("after", type_=BigInteger()))
    .order_by(events.c.sequence)
    .limit(bindparam("rows", type_=Integer()))
)
# One statement, one snapshot: a listing is never older than an event of it on the same page.
_WITH_LISTINGS: Final[Select[Any]] = _EVENTS.add_columns(
    *PUBLIC, listings.c.visible
).outerjoin_from(events, listings, events.c.listing_key == listings.c.listing_key)

_OF_ANY: Final = (feed.c.feed_id, feed.c.led_at, func.clock_timestamp().label("now"))


class Numbered:
    """What has the feed's numbers: where they stand, and what a client does who cannot go on."""

    def __init__(self, number: Column[int], *, forgotten: Column[int], begin_again: str) -> None:
        """Args: the column of the numbers, that of the greatest no longer kept, and the advice."""
        self.begin_again = begin_again
        self.question: Final[Select[Any]] = select(
            *_OF_ANY,
            forgotten.label("forgotten"),
            func.coalesce(select(func.max(number)).scalar_subquery(), forgotten).label("last"),
            select(number)
            .where(number == bindparam("after", type_=BigInteger()))
            .exists()
            .label("is_known"),
        )


EVENTS: Final = Numbered(
    events.c.sequence,
    forgotten=feed.c.forgotten,
    begin_again=(
        "load everything from /v1/exports/listings, then follow the changes after the number it "
        "gives"
    ),
)
INQUIRIES: Final = Numbered(
    inquiries.c.number,
    forgotten=feed.c.inquiries_forgotten,
    begin_again="ask without after and FeedId, which begins with the oldest that is kept",
)


class Place(NamedTuple):
    """Where a client is in which feed: all changes up to this number are its own."""

    feed_id: UUID
    sequence: int


def which_events(
    session: ReadSession, *, after: int, rows: int, with_listings: bool
) -> Sequence[RowMapping]:
    """At most so many events beyond this number."""
    question = _WITH_LISTINGS if with_listings else _EVENTS
    return session.rows(question, values={"after": after, "rows": rows})


def last_place(session: ReadSession, *, of: Numbered) -> Place:
    """Of the last number that this reader knows."""
    row = _feed(session, after=0, of=of)
    return Place(row["feed_id"], row["last"])


def first_place(session: ReadSession, *, of: Numbered) -> Place:
    """Before the oldest that is kept."""
    row = _feed(session, after=0, of=of)
    return Place(row["feed_id"], row["forgotten"])


def check_place(session: ReadSession, place: Place, *, of: Numbered) -> None:
    """That this reader knows the place, which it may still have to wait for.

    Raises:
        BeginAgain: it is of another feed, was never given, or is older than what is kept.
        Unavailable: this reader is behind, and whether the place is one cannot be said.
    """
    row = _feed(session, after=place.sequence, of=of)
    if place.feed_id != row["feed_id"]:
        raise _begin_again("the FeedId is another now, since data were restored", of=of)
    if place.sequence > row["last"]:
        row = _caught_up(session, after=place.sequence, since=row["now"], of=of)
    if place.sequence < row["forgotten"]:
        raise _begin_again(f"what is up to {row['forgotten']} is no longer kept", of=of)
    if not row["is_known"] and place.sequence != row["forgotten"]:
        raise _begin_again(f"{place.sequence} is no number of this feed, or was lost", of=of)


def _begin_again(why: str, *, of: Numbered) -> BeginAgain:
    return BeginAgain(f"{why}: {of.begin_again}")


def _caught_up(session: ReadSession, *, after: int, since: datetime, of: Numbered) -> RowMapping:
    """The feed's row once this reader knows the number, or all that there was when it was asked."""
    if not _WAITING.acquire(blocking=False):
        raise _behind()
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            row = _feed(session, after=after, of=of)
            if row["is_known"] or row["led_at"] > since + _CLOCKS_DIFFER:
                return row
            time.sleep(_ASK_AGAIN_SECONDS)
    finally:
        _WAITING.release()
    raise _behind()


def _behind() -> Unavailable:
    return Unavailable("this reader does not know so high a number yet; ask again")


def _feed(session: ReadSession, *, after: int, of: Numbered) -> RowMapping:
    row = session.row(of.question, values={"after": after})
    if row is None:
        raise LookupError("the schema has no feed")
    return row
