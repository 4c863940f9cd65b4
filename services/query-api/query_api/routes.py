"""The public calls: parse, ask, map to a status."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy import RowMapping

from bukken_contract.etags import etag, names_current
from bukken_contract.exact_json import encode
from bukken_contract.keys import listing_key_of
from bukken_contract.problems import ListingRemoved, NotFound
from bukken_database.sessions import ReadDatabase
from query_api.cursors import Position, cursor_at
from query_api.documents import listing_document
from query_api.parsing import page_asked
from query_api.queries import which_are_newest, which_listing


def listings(database: ReadDatabase) -> Blueprint:
    """GET and HEAD of the listings; Flask answers HEAD from GET."""
    blueprint = Blueprint("listings", __name__)

    @blueprint.get("/v1/listings")
    def newest() -> Response:
        page = page_asked(request.args)
        rows = database.run(
            lambda session: which_are_newest(session, after=page.after, rows=page.limit + 1)
        )
        return Response(encode(_page(rows, limit=page.limit)), content_type="application/json")

    @blueprint.get("/v1/listings/<segment>")
    def one(segment: str) -> Response:
        key = listing_key_of(segment)
        row = _shown(database.run(lambda session: which_listing(session, key=key)))
        tag = {"ETag": etag(row["version"])}
        if names_current(request.headers.get("If-None-Match", ""), version=row["version"]):
            return Response(status=304, headers=tag)
        body = encode(listing_document(row))
        return Response(body, headers=tag, content_type="application/json")

    return blueprint


def _shown(row: RowMapping | None) -> RowMapping:
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


def _page(rows: Sequence[RowMapping], *, limit: int) -> dict[str, Any]:
    """One row more than asked for was read: it says that there is a next page, and is not sent."""
    page: dict[str, Any] = {"value": [listing_document(row) for row in rows[:limit]]}
    if len(rows) > limit:
        last = rows[limit - 1]
        cursor = cursor_at(Position(last["modification_timestamp"], last["listing_key"]))
        page["nextLink"] = f"/v1/listings?limit={limit}&cursor={cursor}"
    return page
