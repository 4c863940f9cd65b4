"""Files are read line by line, and a bad line harms no other."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bukken_contract.listing import Listing
from bukken_local.legacy.source import (
    LineRefusedError,
    Message,
    Row,
    Source,
    UnknownFileError,
    opened,
)

Read = Callable[[bytes], list[tuple[int, str]]]


def message_of(row: Row) -> Message:
    """A message whose key is the row's; one named bad is refused."""
    if row["key"] == "bad":
        raise LineRefusedError("is bad")
    listing = Listing(standard_status="Active", property_type="Land")
    return Message(key=row["key"], source_version=1, listing=listing)


SOURCE = Source(name="test.csv", header=("key", "remark"), message_of=message_of)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads rows below the header: for each line its number, and its key or the refusal."""

    def lines_of(rows: bytes) -> list[tuple[int, str]]:
        path = tmp_path / "file.csv"
        path.write_bytes(b"key,remark\r\n" + rows)
        with opened(path, sources=(SOURCE,)) as lines:
            return [(x.number, x.message.key if x.message else f"! {x.reason}") for x in lines]

    return lines_of


def test_numbers_are_those_of_an_editor(read: Read) -> None:
    """A field that spans lines moves the numbers after it, as it does in an editor."""
    assert read(b'a,"one\r\ntwo"\r\nb,x\r\n') == [(2, "a"), (4, "b")]


def test_last_line_may_lack_its_end(read: Read) -> None:
    """A file cut before its last line break loses nothing."""
    assert read(b"a,x\nb,x") == [(2, "a"), (3, "b")]


def test_refused_line_harms_no_other(read: Read) -> None:
    """The lines around a refused one are read."""
    assert read(b"a,x\nbad,x\nb,x\n") == [(2, "a"), (3, "! is bad"), (4, "b")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"a", "is not CSV: 1 columns where the header has 2"),
        (b"a,b,c", "is not CSV: 3 columns where the header has 2"),
        (b"", "is not CSV: 0 columns where the header has 2"),
        (b'"a"b,c', "is not CSV: ',' expected after '\"'"),
        (b"\xff,x", "is not UTF-8"),
        (b'a,"never closed', "is not CSV: unexpected end of data"),
    ],
)
def test_unreadable_line_is_told_alone(read: Read, line: bytes, reason: str) -> None:
    """Whatever is wrong with a line, even a quote that never closes, the next one is read."""
    assert read(line + b"\nb,x\n") == [(2, f"! {reason}"), (3, "b")]


def test_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    """A file saved by a spreadsheet, with a byte order mark, is known all the same."""
    path = tmp_path / "file.csv"
    path.write_bytes(b"\xef\xbb\xbfkey,remark\na,x\n")

    with opened(path, sources=(SOURCE,)) as lines:
        assert [line.number for line in lines] == [2]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "its header is not that of test.csv"),
        (b"other,header\n", "its header is not that of test.csv"),
        ("種類".encode("cp932") + b",x\n", "its header is not that of test.csv, in UTF-8"),
        (b'"key\n', "its first line cannot be read"),
    ],
)
def test_unknown_file_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    """A file of no known kind is refused before any of its lines, by a line that names it."""
    path = tmp_path / "file.csv"
    path.write_bytes(content)

    with pytest.raises(UnknownFileError, match=words), opened(path, sources=(SOURCE,)):
        pass


def test_missing_file_is_told(tmp_path: Path) -> None:
    """A file that is not there is told by its name."""
    path = tmp_path / "absent.csv"

    with (
        pytest.raises(UnknownFileError, match=r"absent\.csv: No such file"),
        opened(path, sources=(SOURCE,)),
    ):
        pass
