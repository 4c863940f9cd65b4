"""A listing as the members of its JSON object: what a patch is merged into."""

from dataclasses import fields
from datetime import date
from typing import Final

from bukken_contract.exact_json import plain_members
from bukken_contract.listing import Listing, MediaItem, wire_name

_WIRE_NAMES: Final = {
    cls: {field.name: wire_name(field.name) for field in fields(cls)}
    for cls in (Listing, MediaItem)
}


def members_of(listing: Listing | MediaItem) -> dict[str, object]:
    """The members that have a value, as JSON has them."""
    return plain_members(
        (wire, _as_json(getattr(listing, name)))
        for name, wire in _WIRE_NAMES[type(listing)].items()
    )


def _as_json(value: object) -> object:
    match value:
        case date():
            return value.isoformat()
        case MediaItem():
            return members_of(value)
        case tuple():
            return [_as_json(item) for item in value]
        case _:
            return value
