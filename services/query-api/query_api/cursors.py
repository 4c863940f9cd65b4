"""Where a walk through the list goes on: the last row's sort key, opaque to clients.

Microseconds and not a formatted time: PostgreSQL keeps microseconds, and a cursor that lost them
would repeat rows or leave some out.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from bukken_contract.keys import checked_listing_key
from bukken_contract.problems import InvalidListingKey

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

# 17 digits of microseconds reach the year 5138, and no number of them overflows a datetime.
_FORM: Final = re.compile(r"([0-9]{1,17}):(.+)", re.DOTALL)


class Position(NamedTuple):
    """A row's place in the list, newest first."""

    modification_timestamp: datetime
    listing_key: str


class MalformedCursor(ValueError):
    """No cursor that this service gave."""


def cursor_at(position: Position) -> str:
    """The cursor after which the next page begins."""
    microseconds = (position.modification_timestamp - _EPOCH) // _MICROSECOND
    text = f"{microseconds}:{position.listing_key}"
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def position_of(cursor: str) -> Position:
    """The position in a cursor.

    Raises:
        MalformedCursor: it is not, character by character, what `cursor_at` writes.
    """
    try:
        padding = "=" * (-len(cursor) % 4)
        text = urlsafe_b64decode(cursor.encode("ascii") + padding.encode()).decode()
        position = _parsed(text)
    except (ValueError, InvalidListingKey):  # not ASCII, not base64, not UTF-8, not a key
        raise MalformedCursor from None
    if cursor_at(position) != cursor:
        raise MalformedCursor
    return position


def _parsed(text: str) -> Position:
    if (found := _FORM.fullmatch(text)) is None:
        raise MalformedCursor
    moment = _EPOCH + int(found[1]) * _MICROSECOND
    return Position(moment, checked_listing_key(found[2]))
