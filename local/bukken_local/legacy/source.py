"""Files of the legacy back end, line by line: what each becomes, or why it becomes nothing.

A line that cannot be read is told with its number and harms no other line.
"""

import csv
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from bukken_contract.listing import Listing

Row = Mapping[str, str]
Fields = dict[str, Any]
Readers = Mapping[tuple[str, ...], Callable[..., Fields]]


class LineRefusedError(Exception):
    """A line that cannot become a listing; the text says why, for the producer's eyes."""


class UnknownFileError(Exception):
    """A file that is not there, not text, or of no kind we know; the text names it."""


class UnreadValueError(ValueError):
    """A value its field cannot take: it goes to the remarks, as written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What the back end says of one listing.

    Attributes:
        unread: columns whose value no field could take; it stands in the remarks, as written.
    """

    key: str
    source_version: int
    listing: Listing
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Source:
    """A kind of file, known by its header, and how its rows are read."""

    name: str
    header: tuple[str, ...]
    message_of: Callable[[Row], Message]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One record of a file and the physical line it begins on: a message or a reason."""

    file: str
    number: int
    message: Message | None = None
    reason: str = ""


def read_fields(row: Row, *, readers: Readers) -> tuple[Fields, tuple[str, ...]]:
    """The fields that could be read, and the columns that could not."""
    fields: Fields = {}
    unread: list[str] = []
    for columns, read in readers.items():
        try:
            fields |= read(*(row[column] for column in columns))
        except UnreadValueError:
            unread += columns
    return fields, tuple(unread)


def text(field: str) -> Callable[[str], Fields]:
    """A reader that takes a value as it is; an empty one says nothing."""
    return lambda value: {field: value} if value else {}


@contextmanager
def opened(path: Path, *, sources: tuple[Source, ...]) -> Iterator[Iterator[Line]]:
    """The file's lines, read as they are asked for, whatever its length.

    Raises:
        UnknownFileError: it cannot be opened, or its header is none of the sources'.
    """
    try:
        file = path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except OSError as error:
        raise UnknownFileError(f"{path}: {error.strerror}") from None
    with file:
        physical = _PhysicalLines(file)
        records = csv.reader(physical, strict=True)
        source = _source_of(path, records=records, sources=sources)
        yield _lines(records, physical=physical, source=source, name=path.name)


def _source_of(path: Path, *, records: Iterator[list[str]], sources: tuple[Source, ...]) -> Source:
    try:
        header = tuple(next(records, ()))
    except (csv.Error, OSError) as error:
        raise UnknownFileError(f"{path}: its first line cannot be read: {error}") from None
    for source in sources:
        if header == source.header:
            return source
    known = " or ".join(source.name for source in sources)
    raise UnknownFileError(f"{path}: its header is not that of {known}, in UTF-8")


def _lines(
    records: Iterator[list[str]], *, physical: "_PhysicalLines", source: Source, name: str
) -> Iterator[Line]:
    while True:
        number = physical.begin_record()
        try:
            row = _row(next(records), header=source.header)
            yield Line(file=name, number=number, message=source.message_of(row))
        except StopIteration:
            return
        except csv.Error as error:
            physical.give_back_all_but_first()
            yield Line(file=name, number=number, reason=f"is not CSV: {error}")
        except LineRefusedError as refusal:
            yield Line(file=name, number=number, reason=str(refusal))


def _row(values: list[str], *, header: tuple[str, ...]) -> Row:
    if len(values) != len(header):
        raise csv.Error(f"{len(values)} columns where the header has {len(header)}")
    try:
        "".join(values).encode()
    except UnicodeEncodeError:
        raise LineRefusedError("is not UTF-8") from None
    return dict(zip(header, values, strict=True))


@dataclass
class _PhysicalLines:
    """Counts what the CSV reader takes, and can take it back.

    A quote that never closes makes the reader swallow the lines after it. They are given back,
    so that one bad line is one refusal and not many.
    """

    file: TextIO
    taken: int = 0
    record: list[str] = field(default_factory=list)
    given_back: deque[str] = field(default_factory=deque)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.given_back.popleft() if self.given_back else next(self.file)
        self.taken += 1
        self.record.append(line)
        return line

    def begin_record(self) -> int:
        self.record.clear()
        return self.taken + 1

    def give_back_all_but_first(self) -> None:
        self.given_back.extendleft(reversed(self.record[1:]))
        self.taken -= len(self.record) - 1
