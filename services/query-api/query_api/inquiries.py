"""GET of inquiries: what became of one, for who posted it; all of them, for the back end."""

import time
from functools import partial
from typing import Any, Final

from flask import Blueprint, Response, request
from sqlalchemy import RowMapping

from bukken_contract.exact_json import encode, plain_members
from bukken_contract.inquiry import (
    CLIENT_HEADER,
    INQUIRIES,
    client_of,
    is_inquiry_key,
    seconds_since_accepted,
)
from bukken_contract.problems import NotFound
from bukken_database.sessions import ReadSession
from query_api import feed_queries
from query_api.feed_queries import Place, first_place
from query_api.inquiry_queries import which_inquiries, which_inquiry
from query_api.own_writes import Reads
from query_api.parsing import LIMIT, Parameters, limit_parser
from query_api.places import AFTER, PLACE_PARSERS, Following, checked_feed, place_parameters
from query_api.routes import refuse_query_string

# Of 4,000 characters each they are 2.4 MB.
MAX_INQUIRIES: Final = 200
PARSERS: Final = PLACE_PARSERS | {LIMIT: limit_parser(MAX_INQUIRIES)}

# Far beyond any lag that is bearable. A key says when it was made; one that claims to come from the
# future is by a clock that goes before ours, or made up.
_YOUNG_SECONDS: Final = 60.0
_CLOCKS_DIFFER_SECONDS: Final = 5.0

_STATUS: Final = {
    "inquiry_key": "InquiryKey",
    "listing_key": "ListingKey",
    "received_at": "ReceivedTimestamp",
    "attempts": "Attempts",
    "last_attempt_at": "LastAttemptTimestamp",
    "delivered_at": "DeliveredTimestamp",
    "person_removed_at": "PersonRemovedTimestamp",
}
_PERSON: Final = {"name": "FullName", "email": "Email", "phone": "Phone", "message": "Message"}


def inquiries(database: Reads) -> Blueprint:
    """GET and HEAD of inquiries."""
    blueprint = Blueprint("inquiries", __name__)

    @blueprint.get(INQUIRIES)
    def after() -> Response:
        given = place_parameters(request.query_string, parsers=PARSERS)
        return _json(database.run(partial(_page, given=given)))

    @blueprint.get(INQUIRIES + "/<segment>")
    def one(segment: str) -> Response:
        refuse_query_string()
        poster = client_of(request.headers.get(CLIENT_HEADER))
        question = partial(which_inquiry, key=segment, poster=poster)
        row = (
            database.find(question, is_young=_is_young(segment))
            if is_inquiry_key(segment)
            else None
        )
        if row is None:
            raise NotFound("there is no such inquiry")
        return _json(_status(row))

    return blueprint


def _is_young(key: str) -> bool:
    age = seconds_since_accepted(key, now=time.time())
    return -_CLOCKS_DIFFER_SECONDS < age < _YOUNG_SECONDS


def _page(session: ReadSession, *, given: Parameters) -> dict[str, Any]:
    """First the rows, then whether the place was right: as in the change feed."""
    of = feed_queries.INQUIRIES
    begun = given.values.get(AFTER)
    after = first_place(session, of=of).sequence if begun is None else begun
    following = Following(INQUIRIES, given, MAX_INQUIRIES)
    rows = which_inquiries(session, after=after, rows=following.rows)
    place = Place(checked_feed(session, after=after, given=given, of=of), after)
    return following.page(rows, came_from=place, document=_whole)


def _status(row: RowMapping) -> dict[str, Any]:
    """What became of it. Not the person: who posted it has that."""
    members = plain_members((wire, row[name]) for name, wire in _STATUS.items())
    return members | {"InquiryStatus": row["state"].capitalize()}


def _whole(row: RowMapping) -> dict[str, Any]:
    """All of it, but for a person who is erased."""
    person = plain_members((wire, row[name]) for name, wire in _PERSON.items())
    return {"InquirySequence": row["sequence"]} | _status(row) | person


def _json(document: dict[str, Any]) -> Response:
    """Kept by no cache, not even the client's: what is erased shall not live on there."""
    headers = {"Cache-Control": "no-store"}
    return Response(encode(document), content_type="application/json", headers=headers)
