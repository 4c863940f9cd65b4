"""A listing as a row of the database, and back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, func, null

from bukken_contract.listing import LISTING_FIELDS, Listing, MediaItem
from command_api.source_guard import Message

# When the statement began, which is after the row was locked: of two commands for one listing the
# later has the later time. now() is when the transaction began, which may be the other way round.
NOW: Final = func.statement_timestamp()

# Which time changes with which member.
STAMPS: Final[Mapping[str, str]] = {
    "standard_status": "status_change_timestamp",
    "list_price": "price_change_timestamp",
    "media": "photos_change_timestamp",
}


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What is there for a key: a listing, or the tombstone of one (`listing` is None)."""

    key: str
    version: int
    listing: Listing | None
    message: Message


def stored_of(row: RowMapping) -> Stored:
    """The row as the handlers think of it."""
    return Stored(
        key=row["listing_key"],
        version=row["version"],
        listing=_listing_of(row) if row["removed_at"] is None else None,
        message=Message(row["source_version"], row["source_digest"]),
    )


def _listing_of(row: RowMapping) -> Listing:
    values = {name: row[name] for name in LISTING_FIELDS}
    values |= {name: tuple(v) for name, v in values.items() if isinstance(v, list)}
    if values["media"] is not None:
        values["media"] = tuple(MediaItem(**item) for item in values["media"])
    return Listing(**values)


def message_columns(message: Message) -> dict[str, Any]:
    """Remembers a message that has a number; one without leaves what is remembered."""
    if message.version is None:
        return {}
    return {"source_version": message.version, "source_digest": message.digest}


def content_columns(listing: Listing | None) -> dict[str, Any]:
    """The columns of a listing's members; of a tombstone's, which has none."""
    if listing is None:
        return dict.fromkeys(LISTING_FIELDS)
    values = {name: getattr(listing, name) for name in LISTING_FIELDS}
    if listing.media is not None:
        values["media"] = [asdict(item) for item in listing.media]
    return values


def moments(listing: Listing | None, *, was: Listing | None) -> dict[str, ColumnElement[Any]]:
    """The times that change when a listing becomes this one, or None: removed."""
    if listing is None:
        return {"modification_timestamp": NOW, "removed_at": NOW}
    changed = {stamp: NOW for name, stamp in STAMPS.items() if _differs(name, listing, was)}
    return {"modification_timestamp": NOW, "removed_at": null(), **changed}


def _differs(name: str, listing: Listing, was: Listing | None) -> bool:
    return bool(getattr(listing, name) != getattr(was, name, None))
