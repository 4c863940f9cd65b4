"""One function for each command: session in, outcome out, one visible commit.

Each locks the row it decides about, so that commands for one listing come one after the other. A
row that is not there cannot be locked: then the first to insert it wins, and the others look again.

Each commits also when it changed nothing. The lock gives the transaction an id, so its commit waits
for the storage: "unchanged" is said only of what is durable, even if the one who wrote it was cut
off while it waited. And each finds out from what is stored whether it was done before, since it is
run again when the answer to its COMMIT was lost (docs/decisions/0008).
"""

from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import bindparam, false, func, select, update
from sqlalchemy.dialects.postgresql import insert

from bukken_contract.listing import Listing
from bukken_contract.problems import Invalid, ListingRemoved, NotFound, PreconditionRequired
from bukken_database.schema import listings
from bukken_database.sessions import WriteSession
from command_api.commands import PatchListing, PutListing, RemoveListing
from command_api.members import members_of
from command_api.merge_patch import merged
from command_api.rows import NOW, Stored, content_columns, message_columns, moments, stored_of
from command_api.source_guard import Message, is_taken_in
from command_api.validation import listing_of


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a listing: its version now, and what was done."""

    version: int
    result: Literal["created", "changed", "unchanged"]


async def put_listing(session: WriteSession, command: PutListing) -> Outcome:
    """Creates the listing, replaces it, or leaves it when it is so already.

    Raises:
        PreconditionFailed, LateSourceVersion, SourceVersionConflict: nothing was changed.
    """
    stored = await _locked(session, command.listing_key)
    if stored is None:
        return await _put_first(session, command)
    changes_nothing = stored.listing == command.listing
    if not changes_nothing:
        command.conditions.check(_live_version(stored))
    if is_taken_in(command.message, last=stored.message, changes_nothing=changes_nothing):
        outcome = unchanged(stored)
    else:
        outcome = await _become(command.listing, stored, session=session, message=command.message)
    await session.commit()
    return outcome


async def _put_first(session: WriteSession, command: PutListing) -> Outcome:
    command.conditions.check(None)
    key, message = command.listing_key, command.message
    if not await _insert(command.listing, session=session, key=key, message=message):
        return await put_listing(session, command)
    await session.commit()
    return Outcome(version=1, result="created")


async def patch_listing(session: WriteSession, command: PatchListing) -> Outcome:
    """Changes the members the patch names, on the base it names.

    The base is looked at before the patched listing's faults: on another base it may have none.

    Raises:
        NotFound, ListingRemoved, PreconditionRequired, PreconditionFailed, SendWholeListing,
        LateSourceVersion, SourceVersionConflict, Invalid: nothing was changed.
    """
    stored, was = await _live(session, command)
    patched = _patched(was, command)
    changes_nothing = patched == was
    if not changes_nothing:
        command.conditions.check(stored.version)
    if is_taken_in(
        command.message,
        last=stored.message,
        changes_nothing=changes_nothing,
        base=command.source_base_version,
    ):
        outcome = unchanged(stored)
    elif isinstance(patched, Invalid):
        raise patched
    else:
        outcome = await _become(patched, stored, session=session, message=command.message)
    await session.commit()
    return outcome


async def _live(session: WriteSession, command: PatchListing) -> tuple[Stored, Listing]:
    stored = await _locked(session, command.listing_key)
    if stored is None:
        raise _unknown()
    if stored.listing is None:
        raise ListingRemoved("the listing was removed; PUT makes it anew")
    if not command.names_its_base:
        raise PreconditionRequired("a PATCH names its base: If-Match or Source-Base-Version")
    return stored, stored.listing


def _patched(listing: Listing, command: PatchListing) -> Listing | Invalid:
    """The listing with the patch applied, or why there cannot be one.

    A name the patch has and no listing knows stays in, even with null, so that it is told.
    """
    members = members_of(listing)
    try:
        return listing_of(command.patch | merged(members, command.patch), key=command.listing_key)
    except Invalid as problem:
        return problem


async def remove_listing(session: WriteSession, command: RemoveListing) -> int:
    """Leaves a tombstone, which an older message cannot bring back to life; its version.

    Raises:
        NotFound, PreconditionFailed, LateSourceVersion, SourceVersionConflict: nothing was changed.
    """
    stored = await _locked(session, command.listing_key)
    if stored is None:
        return await _remove_unknown(session, command)
    is_gone = stored.listing is None
    if not is_gone:
        command.conditions.check(stored.version)
    if is_taken_in(command.message, last=stored.message, changes_nothing=is_gone):
        outcome = unchanged(stored)
    else:
        outcome = await _become(None, stored, session=session, message=command.message)
    await session.commit()
    return outcome.version


async def _remove_unknown(session: WriteSession, command: RemoveListing) -> int:
    """A removal that overtook its listing is remembered; the listing then comes too late."""
    if command.source_version is None:
        raise _unknown()
    command.conditions.check(None)
    key, message = command.listing_key, command.message
    if not await _insert(None, session=session, key=key, message=message):
        return await remove_listing(session, command)
    await session.commit()
    return 1


# Not what is generated for the search: a column of it is as long as the listing's text.
LOCKED_COLUMNS: Final = tuple(column for column in listings.c if column.computed is None)
_LOCKED: Final = (
    select(*LOCKED_COLUMNS).where(listings.c.listing_key == bindparam("key")).with_for_update()
)
_INSERT: Final = (
    insert(listings)
    .values(version=1, original_entry_timestamp=NOW, ever_visible=false())
    .on_conflict_do_nothing()
)
# SET sees the row as it was: whether it was visible until now.
_UPDATE: Final = (
    update(listings)
    .where(listings.c.listing_key == bindparam("key"))
    .values(ever_visible=listings.c.ever_visible | func.coalesce(listings.c.visible, false()))
)


async def _locked(session: WriteSession, key: str) -> Stored | None:
    row = await session.row(_LOCKED.params(key=key))
    return stored_of(row) if row else None


async def _insert(
    listing: Listing | None, *, session: WriteSession, key: str, message: Message
) -> bool:
    """Whether this was the first to insert the key."""
    values = {"listing_key": key, **content_columns(listing), **message_columns(message)}
    return await session.write(_INSERT.values(moments(listing, was=None)), values=values)


async def _become(
    listing: Listing | None, stored: Stored, *, session: WriteSession, message: Message
) -> Outcome:
    """Writes the next version, or only remembers the message when the listing is so already."""
    outcome, values, times = unchanged(stored), message_columns(message), {}
    if listing != stored.listing:
        values |= content_columns(listing) | {"version": stored.version + 1}
        times = moments(listing, was=stored.listing)
        outcome = next_version(stored)
    if values:
        await session.write(_UPDATE.values(times), values=values | {"key": stored.key})
    return outcome


def next_version(stored: Stored) -> Outcome:
    """What becomes of a listing that is written."""
    result: Literal["created", "changed"] = "changed" if stored.listing else "created"
    return Outcome(version=stored.version + 1, result=result)


def unchanged(stored: Stored) -> Outcome:
    """What becomes of one that is so already."""
    return Outcome(version=stored.version, result="unchanged")


def _live_version(stored: Stored) -> int | None:
    return None if stored.listing is None else stored.version


def _unknown() -> NotFound:
    return NotFound("there is no listing of this key")
