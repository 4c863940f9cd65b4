"""What can be asked: a session in, plain rows out. Built once; only the values change.

A listing is read by columns, never as an object: the query side changes nothing, so it needs no
identity map, and what is not asked for is not read. The search, whose statements are made as they
are asked, is in search_queries.py.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Integer, RowMapping, Select, bindparam, select

from bukken_database.schema import listings
from bukken_database.sessions import ReadSession, Row
from query_api.documents import document_of

# What partners see of a listing; the key is for its place in an order.
PUBLIC: Final = (listings.c.listing_key, document_of(listings.fullname))

# By a short name: psycopg remembers what it made of a statement of at most 4,096 characters.
_listing: Final = listings.alias("l")
_ONE: Final[Select[Any]] = select(
    _listing.c.version,
    _listing.c.visible,
    _listing.c.removed_at,
    _listing.c.ever_visible,
    document_of("l"),
).where(_listing.c.listing_key == bindparam("key"))

_VISIBLE: Final[Select[Any]] = (
    select(*PUBLIC)
    .where(listings.c.visible, listings.c.listing_key > bindparam("after"))
    .order_by(listings.c.listing_key)
    .limit(bindparam("rows", type_=Integer()))
)

_VERSION: Final[Select[Any]] = select(listings.c.version).where(
    listings.c.listing_key == bindparam("key")
)

# All of it stands in the index listings_keys: the table is not read.
_KEYS: Final[Select[Any]] = (
    select(listings.c.listing_key, listings.c.version)
    .where(listings.c.visible, listings.c.listing_key > bindparam("after"))
    .order_by(listings.c.listing_key)
    .limit(bindparam("rows", type_=Integer()))
)


def which_listing(session: ReadSession, *, key: str) -> Row | None:
    """The listing of this key, visible or not, removed or not, or None when it never was there."""
    return session.prepared_row(_ONE, values={"key": key})


def version_of(session: ReadSession, *, key: str) -> int:
    """The version of this key's listing or tombstone, or 0 when it never was there."""
    row = session.row(_VERSION, values={"key": key})
    return row["version"] if row else 0


def which_keys(session: ReadSession, *, after: str, rows: int) -> Sequence[RowMapping]:
    """At most so many keys of visible listings, beyond this one, with their versions."""
    return session.rows(_KEYS, values={"after": after, "rows": rows})


def which_visible(session: ReadSession, *, after: str, rows: int) -> Sequence[RowMapping]:
    """At most so many visible listings, beyond this key."""
    return session.rows(_VISIBLE, values={"after": after, "rows": rows})
