"""GET /v1/exports/listings: everything visible, in pages of lines (NDJSON) that can be resumed.

Each row is as it is when its page is read. What changed since the first page is in the feed after
the number that every page repeats: export, then those changes, is the table.
"""

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response, request
from sqlalchemy import RowMapping

from bukken_contract.exact_json import encode
from bukken_database.sessions import ReadSession
from query_api.changes import INCLUDE, changes_link
from query_api.cursor_keys import CursorKeys
from query_api.cursors import Position
from query_api.documents import listing_document
from query_api.feed_queries import EVENTS, Place, check_place, last_place
from query_api.own_writes import Reads
from query_api.pages import MOST_CHARACTERS, Rows, Walk
from query_api.parsing import CURSOR, LIMIT, cursor_parser, limit_parser, parameters_of
from query_api.places import FEED_ID
from query_api.queries import which_visible

EXPORT: Final = "/v1/exports/listings"

# Some 2 MB, and 10: a page is made in memory, and answered well within a request's time.
DEFAULT_LISTINGS: Final = 1_000
MAX_LISTINGS: Final = 5_000
# Read at once, so that what does not fit into the page is not read for nothing.
_AT_ONCE: Final = 250
PARSERS: Final = {LIMIT: limit_parser(MAX_LISTINGS), CURSOR: cursor_parser}

# Stands in no ListingKey.
_BETWEEN: Final = "\n"


def exports(database: Reads) -> Blueprint:
    """GET and HEAD of the export."""
    blueprint = Blueprint("exports", __name__)
    keys = CursorKeys()

    @blueprint.get(EXPORT)
    def page() -> Response:
        given = parameters_of(request.query_string, parsers=PARSERS)
        walk = Walk(EXPORT, given=given, keys=keys, default_limit=DEFAULT_LISTINGS)
        lines = database.run(partial(_lines, walk=walk))
        return Response(lines, content_type="application/x-ndjson")

    return blueprint


def _lines(session: ReadSession, *, walk: Walk) -> bytes:
    export = _Export(session)
    page = walk.page(session, ask=export.rows, position=export.position, document=listing_document)
    return b"".join(encode(line) + b"\n" for line in export.lines(page))


def _visible(session: ReadSession, *, after: str, rows: int) -> Rows:
    """At most so many beyond this key; fewer when they are more than fit into the page."""
    found: list[RowMapping] = []
    size = 0
    while len(found) < rows and size <= MOST_CHARACTERS:
        asked = min(rows - len(found), _AT_ONCE)
        part = which_visible(session, after=after, rows=asked)
        found += part
        if len(part) < asked:
            break
        after = part[-1]["listing_key"]
        size += sum(len(row["document"]) for row in part)
    return found


class _Export:
    """One page's reading, and where the feed was before the first page."""

    def __init__(self, session: ReadSession) -> None:
        self._session = session
        self._began: Place

    def rows(self, after: Position | None, rows: int) -> Rows:
        """The place first, the rows afterwards: what is written in between is in both.

        A page may be read from another reader than the one before it: this one must have come as
        far, or a change that is not in the feed's rest is not in its rows either.
        """
        if after is None:
            self._began, key = last_place(self._session, of=EVENTS), ""
        else:
            feed_id, _, key = after.listing_key.partition(_BETWEEN)
            self._began = Place(UUID(feed_id), int(str(after.value)))
            check_place(self._session, self._began, of=EVENTS)
        return _visible(self._session, after=key, rows=rows)

    def position(self, row: RowMapping) -> Position:
        """Of the last row, and where the export began."""
        key = f"{self._began.feed_id}{_BETWEEN}{row['listing_key']}"
        return Position(Decimal(self._began.sequence), key)

    def lines(self, page: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The listings; the last line says how many, and what to ask next: without it, it broke."""
        yield from page["value"]
        last = {"next": page["nextLink"]} if "nextLink" in page else {"complete": True}
        place = {FEED_ID: str(self._began.feed_id), "EntityEventSequence": self._began.sequence}
        changes = changes_link(self._began, others={INCLUDE: "listing"})
        yield last | {"count": len(page["value"])} | place | {"changes": changes}
