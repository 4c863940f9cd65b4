from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.cursors import (
    SECONDS,
    ExpiredCursor,
    ForeignCursor,
    MalformedCursor,
    Position,
    cursor_at,
    position_of,
    taken_apart,
)

MOMENT = datetime(2026, 11, 22, 9, 30, 0, 123457, tzinfo=UTC)
KEYS = {1: b"old" * 12, 2: b"new" * 12}
WALK = "/v1/listings\nCity=a"
NOW = 1_800_000_000.0
CURSOR = cursor_at(Position(MOMENT, "1"), walk=WALK, keys=KEYS, now=NOW)


def read(cursor: str, *, walk: str = WALK, now: float = NOW) -> Position:
    """The position in a cursor of these tests."""
    return position_of(taken_apart(cursor), walk=walk, keys=KEYS, now=now)


@given(
    value=st.one_of(
        st.none(),
        st.datetimes(timezones=st.just(UTC)),
        st.decimals(allow_nan=False, allow_infinity=False, places=10),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    key=st.text(st.characters(codec="utf-8"), min_size=1, max_size=255),
)
def test_a_cursor_is_read_back_exactly(value: datetime | Decimal | float | None, key: str) -> None:
    """To the microsecond, the last digit and the last bit: else rows are repeated or left out."""
    position = Position(value, key)

    assert read(cursor_at(position, walk=WALK, keys=KEYS, now=NOW)) == position


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "=",
        "a",
        "????",
        "物件",
        CURSOR + "=",
        CURSOR + "\n",
        CURSOR[:-1] + "!",
        "AAAA",
        CURSOR[:8],
    ],
)
def test_what_cannot_be_a_cursor_is_refused_by_its_looks(cursor: str) -> None:
    """Without asking the database for a key."""
    with pytest.raises(MalformedCursor):
        taken_apart(cursor)


def test_a_cursor_with_any_bit_changed_is_refused() -> None:
    """Its position, its age, its key's number and its seal: all of it is sealed."""
    raw = urlsafe_b64decode(CURSOR + "=" * (-len(CURSOR) % 4))

    for place in range(8 * len(raw)):
        changed = bytearray(raw)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(ForeignCursor):
            read(urlsafe_b64encode(changed).decode().rstrip("="))


@pytest.mark.parametrize("walk", ["/v1/listings", "/v1/listings\nCity=b", "/v1/listing-keys"])
def test_a_cursor_is_of_one_walk(walk: str) -> None:
    """Of another call, filter or order it would begin somewhere, and nobody would notice."""
    with pytest.raises(ForeignCursor):
        read(CURSOR, walk=walk)


def test_a_cursor_lives_a_day() -> None:
    """To its last second, and no longer."""
    assert read(CURSOR, now=NOW + SECONDS).listing_key == "1"
    with pytest.raises(ExpiredCursor):
        read(CURSOR, now=NOW + SECONDS + 1)


def test_the_old_key_is_accepted_beside_the_new_one_until_it_is_gone() -> None:
    """A rotation breaks no walk that is under way."""
    old = cursor_at(Position(None, "1"), walk=WALK, keys={1: KEYS[1]}, now=NOW)
    only_new = {2: KEYS[2]}

    assert read(old).listing_key == "1"
    assert taken_apart(CURSOR).number == 2
    with pytest.raises(ForeignCursor):
        position_of(taken_apart(old), walk=WALK, keys=only_new, now=NOW)
