"""Where a walk goes on: the last row's place in the order, sealed.

Opaque, so that the form may change with a release; sealed with a key of the exchange's, so that a
changed one, or one of another search, is refused and never misread; and no older than a day, so
that a form that has changed must be understood no longer.
"""

import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

SECONDS: Final = 24 * 60 * 60

_HEAD: Final = struct.Struct(">HQ")  # the key's number; when it was made, seconds
_SEAL_BYTES: Final = 16


class Position(NamedTuple):
    """A row's place in an order: what it is sorted by, None when that is not known, and its key."""

    value: datetime | Decimal | float | None
    listing_key: str


class MalformedCursor(ValueError):
    """No cursor that this service gave."""


class ForeignCursor(ValueError):
    """Changed, or of another search."""


class ExpiredCursor(ValueError):
    """Given more than a day ago."""


class Cursor(NamedTuple):
    """A cursor taken apart; nothing in it is to be believed until `position_of` has."""

    head: bytes
    body: bytes
    seal: bytes

    @property
    def number(self) -> int:
        """Of the key it is sealed with."""
        number: int = _HEAD.unpack(self.head)[0]
        return number


# The type of a value, by the letter before it.
_READ: Final[Mapping[str, Callable[[str], datetime | Decimal | float]]] = {
    "t": datetime.fromisoformat,
    "d": Decimal,
    "f": float.fromhex,
}


def cursor_at(position: Position, *, walk: str, keys: Mapping[int, bytes], now: float) -> str:
    """The cursor after which the next page begins.

    Args:
        position: of the last row given.
        walk: what is walked through: the call, its filter and its order.
        keys: by number; the highest seals.
        now: seconds since 1970.
    """
    number = max(keys)
    head = _HEAD.pack(number, int(now))
    body = msgspec.json.encode([_written(position.value), position.listing_key])
    sealed = head + body + _seal(head + body, walk=walk, key=keys[number])
    return urlsafe_b64encode(sealed).decode().rstrip("=")


def taken_apart(text: str) -> Cursor:
    """The parts of what looks like a cursor.

    Raises:
        MalformedCursor: it does not.
    """
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (UnicodeEncodeError, NotBase64):
        raise MalformedCursor from None
    if len(raw) <= _HEAD.size + _SEAL_BYTES or urlsafe_b64encode(raw).decode().rstrip("=") != text:
        raise MalformedCursor
    return Cursor(raw[: _HEAD.size], raw[_HEAD.size : -_SEAL_BYTES], raw[-_SEAL_BYTES:])


def position_of(cursor: Cursor, *, walk: str, keys: Mapping[int, bytes], now: float) -> Position:
    """The position in a cursor.

    Raises:
        ForeignCursor: it is not sealed for this walk with one of the keys.
        ExpiredCursor: it is too old.
    """
    key = keys.get(cursor.number)
    sealed = cursor.head + cursor.body
    if key is None or not hmac.compare_digest(_seal(sealed, walk=walk, key=key), cursor.seal):
        raise ForeignCursor
    if now - _HEAD.unpack(cursor.head)[1] > SECONDS:
        raise ExpiredCursor
    value, listing_key = msgspec.json.decode(cursor.body, type=tuple[str | None, str])
    return Position(None if value is None else _READ[value[0]](value[1:]), listing_key)


def _seal(sealed: bytes, *, walk: str, key: bytes) -> bytes:
    """Of the walk's digest and not of its text: where one ends and the other begins is sure."""
    bound = sha256(walk.encode()).digest() + sealed
    return hmac.digest(key, bound, "sha256")[:_SEAL_BYTES]


def _written(value: datetime | Decimal | float | None) -> str | None:
    """Exactly: a time that lost its microseconds would repeat rows or leave some out."""
    match value:
        case datetime():
            return f"t{value.astimezone(UTC).isoformat()}"
        case Decimal():
            return f"d{value}"
        case float():
            return f"f{value.hex()}"
        case None:
            return None
