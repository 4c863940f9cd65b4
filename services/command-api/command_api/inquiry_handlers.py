"""What is done with an inquiry on the command side: it is accepted, or its person erased.

Accepting is one INSERT and one COMMIT, and asks nobody else: it takes milliseconds whether the back
end is up or not. Who comes second with an `Idempotency-Key` waits in its unique index for the one
who came first, as long as PostgreSQL lets it wait for a lock, and then gives that one's answer.
Both commit also when they changed nothing: see handlers.py.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Select, String, bindparam, case, func, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from bukken_contract.listing import Fault
from bukken_contract.problems import IdempotencyKeyReused, NotFound
from bukken_database.inquiry_table import inquiries
from bukken_database.schema import listings
from bukken_database.sessions import WriteSession
from command_api.commands import AcceptInquiry, EraseInquiry
from command_api.validation import LISTING_KEY, invalid

_GIVEN: Final = tuple(
    inquiries.c[name]
    for name in (
        "inquiry_key",
        "poster",
        "idempotency_key",
        "request_digest",
        "listing_key",
        "name",
        "email",
        "phone",
        "message",
    )
)
# A listing that partners see or saw: removed ones too, since somebody may have read it before. Of
# what they never saw, nobody learns here that it is there.
_SHOWN: Final = (
    select(listings.c.listing_key)
    .where(
        listings.c.listing_key == bindparam("listing_key", type_=String()),
        or_(listings.c.ever_visible, listings.c.visible),
    )
    .exists()
)
_INSERT: Final = (
    insert(inquiries)
    .from_select(
        _GIVEN, select(*(bindparam(each.name, type_=each.type) for each in _GIVEN)).where(_SHOWN)
    )
    .on_conflict_do_nothing(index_elements=["poster", "idempotency_key"])
)
# The weakest lock that gives the transaction an id; the relay's own updates do not wait for it.
_FIRST: Final[Select[Any]] = (
    select(inquiries.c.inquiry_key, inquiries.c.request_digest)
    .where(
        inquiries.c.poster == bindparam("poster"),
        inquiries.c.idempotency_key == bindparam("idempotency_key"),
    )
    .with_for_update(read=True, key_share=True)
)

_OWN: Final = (
    inquiries.c.inquiry_key == bindparam("key"),
    inquiries.c.poster == bindparam("owner"),
)
_KNOWN: Final[Select[Any]] = (
    select(inquiries.c.inquiry_key).where(*_OWN).with_for_update(read=True, key_share=True)
)
# What is left of an inquiry without its person. An operator may erase as well (inquiries.py).
ERASED: Final[Mapping[str, Any]] = {
    "name": null(),
    "email": null(),
    "phone": null(),
    "message": null(),
    "request_digest": null(),
    "person_removed_at": func.clock_timestamp(),
    "person_removed_because": "request",
    "state": case((inquiries.c.state == "delivered", "delivered"), else_="erased"),
    "parked_at": null(),
}
_ERASE: Final = (
    update(inquiries).where(*_OWN, inquiries.c.person_removed_at.is_(None)).values(ERASED)
)


async def accept_inquiry(session: WriteSession, command: AcceptInquiry) -> str:
    """Keeps the inquiry, or finds it kept: the key of the first is the answer to all.

    Where the person was erased since, nothing is left to compare the body with: the first answer
    says least, and nothing is kept again.

    Raises:
        IdempotencyKeyReused: the first had another body.
        Invalid: the listing is unknown.
    """
    if await session.write(_INSERT, values=_values(command)):
        await session.commit()
        return command.inquiry_key
    question = {"poster": command.poster, "idempotency_key": command.idempotency_key}
    first = await session.row(_FIRST.params(question))
    if first is None:
        raise invalid([Fault(LISTING_KEY, "is no listing of the exchange")], what="inquiry")
    if first["request_digest"] not in {None, command.digest}:
        raise IdempotencyKeyReused("this Idempotency-Key came with another body; make a new one")
    await session.commit()
    key: str = first["inquiry_key"]
    return key


def _values(command: AcceptInquiry) -> dict[str, Any]:
    inquiry = command.inquiry
    return {
        "inquiry_key": command.inquiry_key,
        "poster": command.poster,
        "idempotency_key": command.idempotency_key,
        "request_digest": command.digest,
        "listing_key": inquiry.listing_key,
        "name": inquiry.full_name,
        "email": inquiry.email,
        "phone": inquiry.phone,
        "message": inquiry.message,
    }


async def erase_inquiry(session: WriteSession, command: EraseInquiry) -> None:
    """Takes the person out; that there was an inquiry, when and how it ended, stays.

    One that the relay holds at this moment may still arrive; the record then says when.

    Raises:
        NotFound: there is none of this key, or it is somebody else's.
    """
    named = {"key": command.inquiry_key, "owner": command.poster}
    erased = await session.write(_ERASE, values=named)
    if not erased and await session.row(_KNOWN.params(named)) is None:
        raise NotFound("there is no such inquiry")
    await session.commit()
