"""GET /v1/changes: what changed after a number, in RESO's words for it (EntityEvent, RCP-27)."""

from functools import partial
from typing import Any, Final

from flask import Blueprint, Response, request
from sqlalchemy import RowMapping

from bukken_contract.exact_json import encode
from bukken_database.sessions import ReadSession
from query_api.documents import listing_document
from query_api.feed_queries import EVENTS, Place, which_events
from query_api.own_writes import Reads
from query_api.parsing import LIMIT, Parameters, Refused, limit_parser
from query_api.places import (
    AFTER,
    PLACE_PARSERS,
    Following,
    checked_feed,
    link,
    place_parameters,
    refused,
)

CHANGES: Final = "/v1/changes"
INCLUDE: Final = "include"

MAX_EVENTS: Final = 1_000


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
    given = place_parameters(query_string, parsers=PARSERS)
    if AFTER not in given.values:
        raise refused(AFTER, "is required: the last number you have, 0 to begin")
    return given


def changes_link(place: Place, *, others: dict[str, str]) -> str:
    """The call that goes on from there."""
    return link(CHANGES, place=place, others=others)


def _page(session: ReadSession, *, given: Parameters) -> dict[str, Any]:
    """First the events, then whether the place was right.

    What is forgotten or restored in between is then noticed; the other way round it would be a page
    with a hole.
    """
    after, whole = given.values[AFTER], given.values.get(INCLUDE, False)
    following = Following(CHANGES, given, MAX_EVENTS)
    rows = which_events(session, after=after, rows=following.rows, with_listings=whole)
    place = Place(checked_feed(session, after=after, given=given, of=EVENTS), after)
    return following.page(rows, came_from=place, document=partial(_event, whole=whole))


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


def include(text: str) -> bool:
    """Whether events bring their listings."""
    if text != "listing":
        raise Refused("must be listing")
    return True


PARSERS: Final = PLACE_PARSERS | {INCLUDE: include, LIMIT: limit_parser(MAX_EVENTS)}
