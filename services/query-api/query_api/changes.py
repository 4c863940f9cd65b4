"""GET /v1/changes: what changed after a number, in RESO's words for it (EntityEvent, RCP-27)."""

import re
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, Response, request
from sqlalchemy import RowMapping

from bukken_contract.exact_json import encode
from bukken_contract.listing import Fault
from bukken_contract.problems import Invalid
from bukken_database.sessions import ReadSession
from query_api.documents import listing_document
from query_api.feed_queries import Place, check_place, last_place, which_events
from query_api.own_writes import Reads
from query_api.parsing import LIMIT, Parameters, Refused, limit_parser, parameters_of

CHANGES: Final = "/v1/changes"
AFTER: Final = "after"
FEED_ID: Final = "FeedId"
INCLUDE: Final = "include"

MAX_EVENTS: Final = 1_000
_LARGEST: Final = 2**63 - 1


def changes(database: Reads) -> Blueprint:
    """GET and HEAD of the change feed."""
    blueprint = Blueprint("changes", __name__)

    @blueprint.get(CHANGES)
    def after() -> Response:
        given = change_parameters(request.query_string)
        page = database.run(partial(_page, given=given))
        return Response(encode(page), content_type="application/json")

    return blueprint


def change_parameters(query_string: bytes) -> Parameters:
    """The parameters of the call.

    Raises:
        Invalid: names each that is missing or not understood.
    """
    given = parameters_of(query_string, parsers=_PARSERS)
    if AFTER not in given.values:
        raise _refused(AFTER, "is required: the last number you have, 0 to begin")
    if given.values[AFTER] and FEED_ID not in given.values:
        raise _refused(FEED_ID, "is required with a number: the one that came with it")
    return given


def changes_link(place: Place, *, others: dict[str, str]) -> str:
    """The call that goes on from there."""
    asked = {AFTER: str(place.sequence), FEED_ID: str(place.feed_id)} | others
    return f"{CHANGES}?{urlencode(asked)}"


def _page(session: ReadSession, *, given: Parameters) -> dict[str, Any]:
    """First the events, then whether the place was right.

    What is forgotten or restored in between is then noticed; the other way round it would be a page
    with a hole.
    """
    after, limit = given.values[AFTER], given.values.get(LIMIT, MAX_EVENTS)
    whole = given.values.get(INCLUDE, False)
    rows = which_events(session, after=after, rows=limit + 1, with_listings=whole)
    feed_id = _checked(session, after=after, feed_id=given.values.get(FEED_ID))
    value = [_event(row, whole=whole) for row in rows[:limit]]
    place = Place(feed_id, value[-1]["EntityEventSequence"] if value else after)
    page = {FEED_ID: str(feed_id), "After": place.sequence, "value": value}
    if len(rows) > limit:
        page["nextLink"] = changes_link(place, others=given.beside(AFTER, FEED_ID))
    return page


def _checked(session: ReadSession, *, after: int, feed_id: UUID | None) -> UUID:
    """Who begins has no feed yet: 0 is a place in any that still has its first event."""
    place = Place(feed_id or last_place(session).feed_id, after)
    check_place(session, place)
    return place.feed_id


def _event(row: RowMapping, *, whole: bool) -> dict[str, Any]:
    event = {
        "EntityEventSequence": row["sequence"],
        "ResourceName": "Property",
        "ResourceRecordKey": row["key"],
    }
    if not whole:
        return event
    # Visible is null where there is no row any more.
    return event | ({"Listing": listing_document(row)} if row["visible"] else {"Gone": True})


def _refused(name: str, why: str) -> Invalid:
    return Invalid("the query string is not understood", faults=[Fault(name, why)])


def _number(text: str) -> int:
    if re.fullmatch("0|[1-9][0-9]{0,18}", text) and int(text) <= _LARGEST:
        return int(text)
    raise Refused("must be a whole number, the EntityEventSequence of an event")


def _feed_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Refused("must be the FeedId that an answer gave") from None


def _include(text: str) -> bool:
    if text != "listing":
        raise Refused("must be listing")
    return True


_PARSERS: Final = {
    AFTER: _number,
    FEED_ID: _feed_id,
    INCLUDE: _include,
    LIMIT: limit_parser(MAX_EVENTS),
}
