"""The lines of a batch: each becomes a command or says what is wrong with it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from bukken_contract.keys import checked_listing_key
from bukken_contract.listing import Fault
from bukken_contract.problems import BodyTooLarge, Invalid, MalformedRequest, Problem
from command_api.bodies import LISTING_BYTES, object_of
from command_api.commands import PutListing
from command_api.conditions import INT64_MAX, Conditions
from command_api.validation import LISTING_KEY, listing_of

SOURCE_VERSION: Final = "SourceVersion"

MOST_LINES: Final = 5_000

# What is checked at a stretch (some 20 ms, while nobody else is served), and what one transaction
# holds locked. Twice as many write 5 % more rows a second; half as many 15 % fewer.
CHUNK_LINES: Final = 100
CHUNK_BYTES: Final = 512 * 1024


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line: what it asks for, or the problem it has."""

    number: int
    key: str | None
    asked: PutListing | Problem


def check_count(body: bytearray) -> None:
    """Refuses a batch before any of it is done.

    Raises:
        BodyTooLarge: it has too many lines.
        MalformedRequest: it has none.
    """
    if not body:
        raise MalformedRequest("the batch is empty")
    lines = body.count(b"\n") + (not body.endswith(b"\n"))
    if lines > MOST_LINES:
        raise BodyTooLarge(f"a batch has at most {MOST_LINES} lines; this one has {lines}")


def chunks_of(body: bytearray) -> Iterator[list[Line]]:
    """The lines, some at a time, read as they are asked for; no key stands twice in a chunk."""
    chunk: list[Line] = []
    keys: set[str | None] = set()
    size = 0
    for number, text in enumerate(_texts(body), start=1):
        line = _line(number, text)
        full = len(chunk) == CHUNK_LINES or size + len(text) > CHUNK_BYTES
        if chunk and (full or (line.key is not None and line.key in keys)):
            yield chunk
            chunk, keys, size = [], set(), 0
        chunk.append(line)
        keys.add(line.key)
        size += len(text)
    yield chunk


def _texts(body: bytearray) -> Iterator[bytes]:
    """Line by line: splitting all at once would hold the batch twice."""
    begin = 0
    while begin < len(body):
        end = body.find(b"\n", begin)
        end = len(body) if end < 0 else end
        yield bytes(memoryview(body)[begin:end])
        begin = end + 1


def _line(number: int, text: bytes) -> Line:
    key = None
    try:
        members = _members(text)
        key = _key(members)
        return Line(number=number, key=key, asked=_command(members, key=key))
    except Problem as problem:
        return Line(number=number, key=key, asked=problem)


def _members(text: bytes) -> dict[str, Any]:
    if len(text) > LISTING_BYTES:
        raise BodyTooLarge(f"a line has at most {LISTING_BYTES} bytes")
    if not text.strip():
        raise MalformedRequest("the line is empty")
    return object_of(text)


def _key(members: dict[str, Any]) -> str:
    if not isinstance(key := members.get(LISTING_KEY), str):
        raise Invalid("a line names its listing", faults=[Fault(LISTING_KEY, "must be a string")])
    return checked_listing_key(key)


def _command(members: dict[str, Any], *, key: str) -> PutListing:
    version = members.pop(SOURCE_VERSION, None)
    if version is not None and (type(version) is not int or not 0 <= version <= INT64_MAX):
        rule = f"must be a whole number from 0 to {INT64_MAX}"
        raise Invalid("1 fault(s) in the line", faults=[Fault(SOURCE_VERSION, rule)])
    return PutListing(
        listing_key=key,
        listing=listing_of(members, key=key),
        conditions=Conditions(),
        source_version=version,
    )
