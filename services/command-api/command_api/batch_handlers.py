"""Many listings in one transaction, each decided as `put_listing` decides about one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import TextClause

from bukken_contract.problems import Conflict
from bukken_database.sessions import WriteSession
from command_api.batch_statements import (
    INSERT_ROWS,
    LOCKED_ROWS,
    REMEMBER_ROWS,
    UPDATE_ROWS,
    rows_of,
)
from command_api.commands import PutListing
from command_api.handlers import Outcome, next_version, unchanged
from command_api.rows import Stored, stored_of
from command_api.source_guard import is_taken_in

Fate = Outcome | Conflict

_CREATED: Final = Outcome(version=1, result="created")


@dataclass(frozen=True)
class _Plan:
    """What is to be written, and what is known of each listing when it has been."""

    fates: dict[str, Fate] = field(default_factory=dict)
    first: list[PutListing] = field(default_factory=list)
    next: list[PutListing] = field(default_factory=list)
    remembered: list[PutListing] = field(default_factory=list)


async def put_listings(session: WriteSession, commands: Sequence[PutListing]) -> Mapping[str, Fate]:
    """What became of each listing, by its key; durable when this returns.

    Args:
        session: a transaction is committed on it; a second one, when another writer was the first
            to insert a key: who lost looks again.
        commands: without conditions; each key stands once.
    """
    fates: dict[str, Fate] = {}
    while commands:
        fates |= await _put(session, commands)
        await session.commit()
        commands = [command for command in commands if command.listing_key not in fates]
    return fates


async def _put(session: WriteSession, commands: Sequence[PutListing]) -> dict[str, Fate]:
    """The fates of all but those whose key somebody else was the first to insert."""
    keys = [command.listing_key for command in commands]
    rows = await session.rows(LOCKED_ROWS, values={"keys": keys})
    plan = _plan(commands, stored={row["listing_key"]: stored_of(row) for row in rows})
    await _write(REMEMBER_ROWS, plan.remembered, session=session)
    await _write(UPDATE_ROWS, plan.next, session=session)
    created = await _write(INSERT_ROWS, plan.first, session=session)
    return plan.fates | dict.fromkeys(created, _CREATED)


async def _write(
    statement: TextClause, commands: Sequence[PutListing], *, session: WriteSession
) -> list[str]:
    if not commands:
        return []
    written = await session.rows(statement, values={"rows": rows_of(commands)})
    return [row["listing_key"] for row in written]


def _plan(commands: Sequence[PutListing], *, stored: Mapping[str, Stored]) -> _Plan:
    plan = _Plan()
    for command in commands:
        if (was := stored.get(command.listing_key)) is None:
            plan.first.append(command)
        else:
            plan.fates[command.listing_key] = _fate(command, was=was, plan=plan)
    return plan


def _fate(command: PutListing, *, was: Stored, plan: _Plan) -> Fate:
    is_so = was.listing == command.listing
    try:
        if is_taken_in(command.message, last=was.message, changes_nothing=is_so):
            return unchanged(was)
    except Conflict as problem:
        return problem
    if not is_so:
        plan.next.append(command)
        return next_version(was)
    if command.source_version is not None:
        plan.remembered.append(command)
    return unchanged(was)
