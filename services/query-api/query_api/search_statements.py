"""A page of a search as SQL: along its order until it is full, or all that fit and then sorted.

Statements are made for each search, and planned with its values: the best plan for a rare word is
the worst for a frequent one.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    and_,
    literal,
    or_,
    select,
    true,
    tuple_,
)

from bukken_database.schema import listings
from query_api.cursors import Position
from query_api.queries import PUBLIC
from query_api.search import DISTANCE, Search
from query_api.search_conditions import distance_from

# How many the nearest are: they are found anew for each page.
NEAREST: Final = 1000

Conditions = Sequence[ColumnElement[bool]]


def walk(search: Search, *, matching: Conditions, after: Position | None) -> Iterator[Select[Any]]:
    """The order in parts, each one range of an index: what is known, then what is not.

    Args:
        search: what is asked.
        matching: what must be true of a listing.
        after: the position before the first.
    """
    if search.sort.column == DISTANCE:
        yield _nearest(search, matching=matching, after=after)
        return
    column, key = listings.c[search.sort.column], listings.c.listing_key
    order = [c.desc() if search.sort.descending else c.asc() for c in (column, key)]
    rows = select(*PUBLIC, column).where(*matching)
    if after is None or after.value is not None:
        known = rows.where(column.is_not(None)) if column.nullable else rows
        yield known.order_by(*order).where(_beyond(column, key, search=search, after=after))
    if column.nullable and search.sort.column not in search.ranges:
        at = after if after is not None and after.value is None else None
        # By the column too, though there it is all one: so PostgreSQL sees that it is an index.
        unknown = rows.where(column.is_(None)).order_by(*order)
        yield unknown.where(_beyond(column, key, search=search, after=at))


def gather(
    search: Search, *, matching: Conditions, after: Position | None, rows: int
) -> Select[Any]:
    """At most so many: found by the indexes of their conditions, all of them, and then sorted.

    Whatever the order: for this the planner cannot hope for an early end.
    """
    value = (
        distance_from(search.circle)
        if search.circle and search.sort.column == DISTANCE
        else listings.c[search.sort.column]
    )
    fitting = select(listings.c.listing_key, value.label("value")).where(*matching).subquery()
    if search.sort.column == DISTANCE:
        fitting = _sorted(fitting, search=search, after=None, rows=NEAREST)
    page = _sorted(fitting, search=search, after=after, rows=rows)
    joined = listings.join(page, page.c.listing_key == listings.c.listing_key)
    shown = select(*PUBLIC, page.c.value.label(search.sort.column)).select_from(joined)
    return shown.order_by(*_order(page, search=search))


def _sorted(found: Subquery, *, search: Search, after: Position | None, rows: int) -> Subquery:
    """The first of them beyond a position: their documents are read for what is shown alone."""
    value, key = found.c.value, found.c.listing_key
    beyond = _beyond(value, key, search=search, after=after)
    if after is not None and after.value is not None:
        beyond = or_(beyond, value.is_(None))
    page = select(key, value).where(beyond).order_by(*_order(found, search=search))
    return page.limit(rows).subquery()


def _order(found: Subquery, *, search: Search) -> Iterator[ColumnElement[Any]]:
    value, key = found.c.value, found.c.listing_key
    # Also where all have a value: no index has this order, so that none is walked along it.
    yield value.is_(None)
    for column in (value, key):
        yield column.desc() if search.sort.descending else column.asc()


def _nearest(search: Search, *, matching: Conditions, after: Position | None) -> Select[Any]:
    """The nearest, and of them those beyond the position.

    An index gives them by distance, but cannot begin at one: so each page costs what the last does.
    """
    assert search.circle is not None  # noqa: S101 — a search by distance has one
    distance = distance_from(search.circle).label(DISTANCE)
    nearest = (
        select(listings.c.listing_key, distance)
        .where(*matching)
        .order_by(distance, listings.c.listing_key)
        .limit(NEAREST)
        .subquery()
    )
    order = (nearest.c[DISTANCE], nearest.c.listing_key)
    found = listings.join(nearest, nearest.c.listing_key == listings.c.listing_key)
    page = select(*PUBLIC, nearest.c[DISTANCE]).select_from(found).order_by(*order)
    return page.where(_beyond(*order, search=search, after=after))


def _beyond(
    value: ColumnElement[Any],
    key: ColumnElement[str],
    *,
    search: Search,
    after: Position | None,
) -> ColumnElement[bool]:
    """After the position, in its part of the order: of what is known, or of what is not."""
    if after is None:
        return true()
    if after.value is None:
        return and_(value.is_(None), _past(key, after.listing_key, search=search))
    at = tuple_(literal(after.value, value.type), literal(after.listing_key, key.type))
    return _past(tuple_(value, key), at, search=search)


def _past(left: ColumnElement[Any], right: Any, *, search: Search) -> ColumnElement[bool]:  # noqa: ANN401 — a value or a tuple of them
    past: ColumnElement[bool] = left < right if search.sort.descending else left > right
    return past
