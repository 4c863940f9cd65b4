"""A row as partners see it: RESO's names, what is not known left out."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import RowMapping

from bukken_contract.exact_json import plain_members
from bukken_contract.listing import LISTING_FIELDS, wire_name

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


def listing_document(row: RowMapping) -> dict[str, object]:
    """The listing, ready to be written as JSON."""
    return plain_members(_members(row))


def key_document(row: RowMapping) -> dict[str, object]:
    """The listing's key and version alone."""
    return {WIRE_NAMES[name]: row[name] for name in ("listing_key", "version")}


def _members(row: RowMapping) -> Iterator[tuple[str, object]]:
    hidden = _ADDRESS if row["internet_address_display_yn"] is False else frozenset()
    for name, wire in WIRE_NAMES.items():
        if name not in hidden:
            yield wire, _media(row[name]) if name == "media" else row[name]


def _media(items: list[dict[str, object]] | None) -> list[dict[str, object]] | None:
    if items is None:
        return None
    return [plain_members((wire_name(name), value) for name, value in i.items()) for i in items]
