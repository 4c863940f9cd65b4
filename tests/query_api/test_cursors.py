from base64 import urlsafe_b64encode
from datetime import UTC, datetime

import pytest

from query_api.cursors import MalformedCursor, Position, cursor_at, position_of

MOMENT = datetime(2026, 11, 22, 9, 30, 0, 123457, tzinfo=UTC)


def written(text: str | bytes) -> str:
    """A cursor made by hand."""
    raw = text.encode() if isinstance(text, str) else text
    return urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.mark.parametrize("key", ["1", "物件-7", "a:b", "𠮷" * 255])
def test_a_cursor_is_read_back_to_the_microsecond(key: str) -> None:
    """PostgreSQL keeps microseconds: a cursor that lost them would repeat rows or skip some."""
    position = Position(MOMENT, key)

    assert position_of(cursor_at(position)) == position


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "=",
        "a",
        "????",
        "物件",
        cursor_at(Position(MOMENT, "1")) + "=",
        cursor_at(Position(MOMENT, "1")) + "\n",
        cursor_at(Position(MOMENT, "12"))[:-1] + "!",
        written("no number:1"),
        written("1700000000000000:"),
        written("1700000000000000"),
        written("01700000000000000:1"),
        written("-1700000000000000:1"),
        written("１７:1"),
        written("999999999999999999999999:1"),
        written("1700000000000000:a/b"),
        written("1700000000000000:\0"),
        written(b"1700000000000000:\xff"),
    ],
)
def test_what_we_never_wrote_is_no_cursor(cursor: str) -> None:
    """A cursor is taken only character by character as it was given."""
    with pytest.raises(MalformedCursor):
        position_of(cursor)
