"""What is asked of inquiries; of a person's words only what the answer needs."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Integer, RowMapping, Select, bindparam, select

from bukken_database.inquiry_table import inquiries
from bukken_database.sessions import ReadSession

_STATUS: Final[tuple[Any, ...]] = (
    inquiries.c.inquiry_key,
    inquiries.c.listing_key,
    inquiries.c.state,
    inquiries.c.received_at,
    inquiries.c.attempts,
    inquiries.c.last_attempt_at,
    inquiries.c.delivered_at,
    inquiries.c.person_removed_at,
)
_ONE: Final[Select[Any]] = select(*_STATUS).where(
    inquiries.c.inquiry_key == bindparam("key"), inquiries.c.poster == bindparam("poster")
)
_ALL: Final[Select[Any]] = (
    select(
        inquiries.c.number.label("sequence"),
        *_STATUS,
        inquiries.c.name,
        inquiries.c.email,
        inquiries.c.phone,
        inquiries.c.message,
    )
    .where(inquiries.c.number > bindparam("after", type_=BigInteger()))
    .order_by(inquiries.c.number)
    .limit(bindparam("rows", type_=Integer()))
)


def which_inquiry(session: ReadSession, *, key: str, poster: str) -> RowMapping | None:
    """What became of an inquiry, if it is this client's."""
    return session.row(_ONE, values={"key": key, "poster": poster})


def which_inquiries(session: ReadSession, *, after: int, rows: int) -> Sequence[RowMapping]:
    """At most so many beyond this number."""
    return session.rows(_ALL, values={"after": after, "rows": rows})
