"""A listing as partners see it: RESO's names, what is not known left out. Written by PostgreSQL.

Why there? To bring seventy columns to Python's types and then to JSON costs a thread more than all
else it does for a request, and threads are what a Pod has fewest of (docs/decisions/0021).
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Raw
from sqlalchemy import ColumnElement, DateTime, Numeric, RowMapping, Text, literal_column

from bukken_contract.listing import LISTING_FIELDS, wire_name
from bukken_database.schema import listings

WIRE_NAMES: Final = {
    name: wire_name(name)
    for name in (
        "listing_key",
        "version",
        *LISTING_FIELDS,
        "original_entry_timestamp",
        "modification_timestamp",
        "status_change_timestamp",
        "price_change_timestamp",
        "photos_change_timestamp",
    )
}

# RESO: InternetAddressDisplayYN false means that the public must not see the address. A partner
# portal is the public's window, so it is not sent at all rather than sent with a plea. Latitude
# and longitude are the address in other words. City and PostalCode stay: both name an area of
# many homes, and without them nobody could find the listing.
_ADDRESS: Final = frozenset({"unparsed_address", "unit_number", "latitude", "longitude"})

# RFC 3339. The session is in UTC (connections.py).
_TIME: Final = 'YYYY-MM-DD"T"HH24:MI:SS.USZ'

_ITEM: Final = {
    "order": "int",
    "media_url": "text",
    "media_category": "text",
    "short_description": "text",
}


def document_of(table: str) -> ColumnElement[str]:
    """The listing of a row of this table, as JSON; to be selected, and read by `listing_document`.

    By way of a row, since `json_build_object` takes no more than fifty members. As text, since
    SQLAlchemy would look through all of it at each request to find what it had made of it before.
    """
    members = ", ".join(f'{_member(name, of=table)} "{wire_name(name)}"' for name in WIRE_NAMES)
    known = f"json_strip_nulls(row_to_json(members))::text FROM (SELECT {members}) AS members"
    return literal_column(f"(SELECT {known})", Text).label("document")


def listing_document(row: Mapping[Any, Any]) -> Raw:
    """The listing of a row, ready to be written as JSON."""
    return Raw(row["document"])


def key_document(row: RowMapping) -> dict[str, object]:
    """The listing's key and version alone."""
    return {WIRE_NAMES[name]: row[name] for name in ("listing_key", "version")}


def _member(name: str, *, of: str) -> str:
    member, kind = f"{of}.{name}", listings.c[name].type
    if name == "media":
        return _media(member)
    if isinstance(kind, DateTime):
        return f"to_char({member}, '{_TIME}')"
    if isinstance(kind, Numeric):
        member = f"trim_scale({member})"  # numeric(14,2) pads what nobody wrote: 35000000.00
    if name in _ADDRESS:
        return f"CASE WHEN {of}.internet_address_display_yn IS NOT FALSE THEN {member} END"
    return member


def _media(stored: str) -> str:
    """The items, which are stored under our own names.

    A release before this one stored JSON's null where there are none: not an array either.
    """
    columns = ", ".join(f'"{name}" {kind}' for name, kind in _ITEM.items())
    named = ", ".join(f'i."{name}" "{wire_name(name)}"' for name in _ITEM)
    items = (
        f"SELECT coalesce(json_agg(row_to_json(item)), '[]')"  # noqa: S608 — the names are the contract's own
        f" FROM jsonb_to_recordset({stored}) AS i ({columns}), LATERAL (SELECT {named}) AS item"
    )
    return f"CASE WHEN jsonb_typeof({stored}) = 'array' THEN ({items}) END"
