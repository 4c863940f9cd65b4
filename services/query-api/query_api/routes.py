"""The public calls: parse, ask, map to a status."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from flask import Blueprint, Response, request
from sqlalchemy import RowMapping

from bukken_contract.etags import etag, names_current
from bukken_contract.exact_json import encode
from bukken_contract.keys import listing_key_of
from bukken_contract.problems import ListingRemoved, MalformedRequest, NotFound
from bukken_database.sessions import ReadSession, Row
from query_api.cursor_keys import CursorKeys
from query_api.cursors import Position
from query_api.documents import key_document, listing_document
from query_api.own_writes import Reads
from query_api.pages import Rows, Walk
from query_api.parsing import CURSOR, LIMIT, cursor_parser, limit_parser, parameters_of
from query_api.queries import which_keys, which_listing
from query_api.search_parameters import DEFAULT_LIMIT, search_of, search_parameters
from query_api.search_queries import which_match

LISTINGS: Final = "/v1/listings"
KEYS: Final = "/v1/listing-keys"

# Cheap rows: a million are 100 calls.
MAX_KEYS: Final = 10_000
DEFAULT_KEYS: Final = 1_000
KEYS_PARSERS: Final = {LIMIT: limit_parser(MAX_KEYS), CURSOR: cursor_parser}


def listings(database: Reads) -> Blueprint:
    """GET and HEAD of the listings; Flask answers HEAD from GET."""
    blueprint = Blueprint("listings", __name__)
    keys = CursorKeys()

    @blueprint.get(LISTINGS)
    def search() -> Response:
        given = search_parameters(request.query_string)
        walk = Walk(LISTINGS, given=given, keys=keys, default_limit=DEFAULT_LIMIT)
        return _json(database.run(partial(_matching, walk=walk, values=given.values)))

    @blueprint.get(KEYS)
    def all_keys() -> Response:
        given = parameters_of(request.query_string, parsers=KEYS_PARSERS)
        walk = Walk(KEYS, given=given, keys=keys, default_limit=DEFAULT_KEYS)
        return _json(database.run(partial(_keys, walk=walk)))

    @blueprint.get("/v1/listings/<segment>")
    def one(segment: str) -> Response:
        key = listing_key_of(segment)
        refuse_query_string()
        row = _shown(database.run(partial(which_listing, key=key), or_writer=True))
        tag = {"ETag": etag(row["version"])}
        if names_current(request.headers.get("If-None-Match", ""), version=row["version"]):
            return Response(status=304, headers=tag)
        body = encode(listing_document(row))
        return Response(body, headers=tag, content_type="application/json")

    return blueprint


def refuse_query_string() -> None:
    """As a write does: a `?` in a key that was not escaped asks for another listing."""
    if request.query_string:
        raise MalformedRequest("this takes no query string; a ? in a ListingKey is sent as %3F")


def _matching(session: ReadSession, *, walk: Walk, values: Mapping[str, Any]) -> dict[str, Any]:
    search = search_of(values)

    def ask(after: Position | None, rows: int) -> Rows:
        return which_match(session, search=search, after=after, rows=rows)

    def position(row: RowMapping) -> Position:
        return Position(row[search.sort.column], row["listing_key"])

    return walk.page(session, ask=ask, position=position, document=listing_document)


def _keys(session: ReadSession, *, walk: Walk) -> dict[str, Any]:
    def ask(after: Position | None, rows: int) -> Rows:
        return which_keys(session, after=after.listing_key if after else "", rows=rows)

    def position(row: RowMapping) -> Position:
        return Position(None, row["listing_key"])

    return walk.page(session, ask=ask, position=position, document=key_document)


def _json(document: dict[str, Any]) -> Response:
    return Response(encode(document), content_type="application/json")


def _shown(row: Row | None) -> Row:
    """The row if the client may see it. Never there and hidden look alike: nothing leaks.

    Raises:
        NotFound: never there, or not visible.
        ListingRemoved: it was visible once and has been removed.
    """
    if row is not None and row["visible"]:
        return row
    if row is not None and row["removed_at"] and row["ever_visible"]:
        raise ListingRemoved("the listing has been removed")
    raise NotFound("there is no such listing")
