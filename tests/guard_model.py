"""What the contract says becomes of a listing, command by command: plain Python, and no database.

Written from architecture § 3 and docs/writing-listings.md, not from the handlers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

Content = Mapping[str, Any]
Kind = Literal["PUT", "PATCH", "DELETE"]

REQUIRED: Final = {"StandardStatus", "PropertyType"}


@dataclass(frozen=True)
class Command:
    """One message about one listing."""

    kind: Kind
    content: tuple[tuple[str, Any], ...] = ()
    number: int | None = None
    base: int | None = None
    if_match: int | Literal["*"] | None = None
    must_be_absent: bool = False

    @property
    def is_known_by(self) -> object:
        """What the guard remembers of a numbered message."""
        return (self.kind, frozenset(self.content), self.number)


@dataclass(frozen=True)
class State:
    """A listing, or its tombstone (`content` is None)."""

    version: int
    content: frozenset[tuple[str, Any]] | None
    number: int | None
    message: object


@dataclass(frozen=True)
class Outcome:
    """The status, or a batch line's word for it, and the version it tells."""

    status: int
    version: int | None = None
    result: str | None = None


def applied(state: State | None, command: Command) -> tuple[State | None, Outcome]:
    """The listing afterwards, and what the client is told."""
    refused = _missing(state, command)
    if refused:
        return state, Outcome(refused)
    wanted = _wanted(state, command)
    is_so = state is not None and state.content == wanted
    if not is_so and not _holds(state, command):
        return state, Outcome(412)
    verdict = _guarded(state, command, is_so=is_so)
    if verdict is not None:
        return state, _told(state, state, command) if verdict == 200 else Outcome(verdict)
    if wanted is not None and REQUIRED - dict(wanted).keys():
        return state, Outcome(422)
    after = _written(state, command, wanted=wanted, is_so=is_so)
    return after, _told(state, after, command)


def _missing(state: State | None, command: Command) -> int | None:
    """What a command needs that is not there."""
    if command.kind == "DELETE" and state is None and command.number is None:
        return 404
    if command.kind != "PATCH":
        return None
    if state is None:
        return 404
    if state.content is None:
        return 410
    named = command.if_match is not None and (command.if_match != "*" or command.number is None)
    return None if named or command.base is not None else 428


def _wanted(state: State | None, command: Command) -> frozenset[tuple[str, Any]] | None:
    if command.kind == "DELETE":
        return None
    if command.kind == "PUT":
        return frozenset(command.content)
    assert state is not None
    assert state.content is not None
    merged = dict(state.content) | dict(command.content)
    return frozenset((name, value) for name, value in merged.items() if value is not None)


def _holds(state: State | None, command: Command) -> bool:
    """If-Match and If-None-Match."""
    live = None if state is None or state.content is None else state.version
    if command.must_be_absent and live is not None:
        return False
    return command.if_match is None or (live is not None and command.if_match in {"*", live})


def _guarded(state: State | None, command: Command, *, is_so: bool) -> int | None:
    """The source guard: 200 for what was taken in before, 409, or None: it is to be done."""
    if state is None:
        return None
    if command.number is not None and command.is_known_by == state.message:
        return 200
    if command.base is not None and command.base != state.number:
        return 409
    if command.number is None or state.number is None or command.number > state.number:
        return None
    return 200 if command.number == state.number and is_so else 409


def _written(
    state: State | None,
    command: Command,
    *,
    wanted: frozenset[tuple[str, Any]] | None,
    is_so: bool,
) -> State:
    if state is None:
        after = State(1, wanted, None, None)
    else:
        after = state if is_so else replace(state, version=state.version + 1, content=wanted)
    if command.number is None:
        return after
    return replace(after, number=command.number, message=command.is_known_by)


def _told(before: State | None, after: State | None, command: Command) -> Outcome:
    if command.kind == "DELETE":
        return Outcome(204)
    assert after is not None
    if before is not None and before.version == after.version:
        return Outcome(200, after.version, "unchanged")
    is_new = before is None or before.content is None
    return Outcome(201 if is_new else 200, after.version, "created" if is_new else "changed")
