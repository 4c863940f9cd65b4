"""What can be asked: a session in, plain rows out. Built once; only the values change.

A listing is read by columns, never as an object: the query side changes nothing, so it needs no
identity map, and what is not asked for is not read.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import RowMapping, Select, bindparam, select, tuple_

from bukken_contract.listing import LISTING_FIELDS
from bukken_database.schema import listings
from bukken_database.sessions import ReadSession
from query_api.cursors import Position

_PUBLIC: Final = (
    listings.c.listing_key,
    listings.c.version,
    *(listings.c[name] for name in LISTING_FIELDS),
    listings.c.original_entry_timestamp,
    listings.c.modification_timestamp,
    listings.c.status_change_timestamp,
    listings.c.price_change_timestamp,
    listings.c.photos_change_timestamp,
)

_ONE: Final[Select[Any]] = select(
    *_PUBLIC, listings.c.visible, listings.c.removed_at, listings.c.ever_visible
).where(listings.c.listing_key == bindparam("key"))

# The order and the condition are those of the index listings_newest_first, so that every page is
# one range of it: page 10,000 costs what page 1 does.
_NEWEST: Final[Select[Any]] = (
    select(*_PUBLIC)
    .where(listings.c.visible)
    .order_by(listings.c.modification_timestamp.desc(), listings.c.listing_key.desc())
    .limit(bindparam("rows"))
)

_NEWEST_AFTER: Final[Select[Any]] = _NEWEST.where(
    tuple_(listings.c.modification_timestamp, listings.c.listing_key)
    < tuple_(
        bindparam("moment", type_=listings.c.modification_timestamp.type),
        bindparam("key", type_=listings.c.listing_key.type),
    )
)


def which_listing(session: ReadSession, *, key: str) -> RowMapping | None:
    """The listing of this key, visible or not, removed or not, or None when it never was there."""
    return session.row(_ONE.params(key=key))


def which_are_newest(
    session: ReadSession, *, after: Position | None, rows: int
) -> Sequence[RowMapping]:
    """At most so many visible listings, newest first, beyond the position."""
    if after is None:
        return session.rows(_NEWEST.params(rows=rows))
    moment, key = after
    return session.rows(_NEWEST_AFTER.params(rows=rows, moment=moment, key=key))
