"""Where a client is in what is numbered: read from a call, checked, and written into the next.

Of the change feed and of inquiries alike: both have the numbers of the feed's one row.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import RowMapping

from bukken_contract.listing import Fault
from bukken_contract.problems import Invalid
from bukken_database.sessions import ReadSession
from query_api.feed_queries import Numbered, Place, check_place, last_place
from query_api.pages import fitting
from query_api.parsing import LIMIT, Parameters, Parser, Refused, parameters_of

AFTER: Final = "after"
FEED_ID: Final = "FeedId"

LARGEST: Final = 2**63 - 1


def place_parameters(query_string: bytes, *, parsers: Mapping[str, Parser]) -> Parameters:
    """The parameters of a call that follows.

    Raises:
        Invalid: names each that is missing or not understood.
    """
    given = parameters_of(query_string, parsers=parsers)
    if given.values.get(AFTER) and FEED_ID not in given.values:
        raise refused(FEED_ID, "is required with a number: the one that came with it")
    return given


def refused(name: str, why: str) -> Invalid:
    """The refusal of a parameter that is missing."""
    return Invalid("the query string is not understood", faults=[Fault(name, why)])


def link(path: str, *, place: Place, others: dict[str, str]) -> str:
    """The call that goes on from there."""
    asked = {AFTER: str(place.sequence), FEED_ID: str(place.feed_id)} | others
    return f"{path}?{urlencode(asked)}"


def checked_feed(session: ReadSession, *, after: int, given: Parameters, of: Numbered) -> UUID:
    """The feed the place is in. Who begins has none yet: 0 is a place in any that has its first.

    Raises:
        BeginAgain, Unavailable: it is no place, or that cannot be said yet.
    """
    place = Place(given.values.get(FEED_ID) or last_place(session, of=of).feed_id, after)
    check_place(session, place, of=of)
    return place.feed_id


class Following(NamedTuple):
    """A call that follows what is numbered: what it is, what it asks, and how much at most."""

    path: str
    given: Parameters
    most: int

    @property
    def rows(self) -> int:
        """How many rows to ask for: one more than a page has, which says that there is another."""
        limit: int = self.given.values.get(LIMIT, self.most)
        return limit + 1

    def page(
        self,
        rows: Sequence[RowMapping],
        *,
        came_from: Place,
        document: Callable[[RowMapping], dict[str, Any]],
    ) -> dict[str, Any]:
        """The page of these rows.

        Args:
            rows: each with its `sequence`.
            came_from: the place that was asked from.
            document: what is told of a row.
        """
        shown = fitting(rows[: self.rows - 1])
        place = Place(came_from.feed_id, shown[-1]["sequence"] if shown else came_from.sequence)
        value = [document(row) for row in shown]
        page = {FEED_ID: str(place.feed_id), "After": place.sequence, "value": value}
        if len(rows) > len(shown):
            others = self.given.beside(AFTER, FEED_ID)
            page["nextLink"] = link(self.path, place=place, others=others)
        return page


def number(text: str) -> int:
    """The last number a client has."""
    if re.fullmatch("0|[1-9][0-9]{0,18}", text) and int(text) <= LARGEST:
        return int(text)
    raise Refused("must be a whole number, one that an answer gave")


def feed_id_of(text: str) -> UUID:
    """Which feed it is of."""
    try:
        return UUID(text)
    except ValueError:
        raise Refused("must be the FeedId that an answer gave") from None


PLACE_PARSERS: Final[dict[str, Parser]] = {AFTER: number, FEED_ID: feed_id_of}
