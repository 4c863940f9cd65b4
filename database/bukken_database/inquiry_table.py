"""The table of inquiries: inbox, queue of the relay, and record, in one row each.

What its columns mean and who may change which: the migration that makes it.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)

from bukken_contract.keys import MAX_KEY_CHARACTERS
from bukken_database.schema import metadata

_NOW: Final = func.clock_timestamp()

inquiries: Final = Table(
    "inquiries",
    metadata,
    Column("inquiry_key", String(36), primary_key=True),
    Column("poster", String(255), nullable=False),
    Column("idempotency_key", String(64), nullable=False),
    Column("request_digest", LargeBinary),
    Column("listing_key", String(MAX_KEY_CHARACTERS), nullable=False),
    Column("name", String(150)),
    Column("email", String(254)),
    Column("phone", String(20)),
    Column("message", String(4000)),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("state", String(10), nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("tried_since", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("due_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("claimed_by", Text),
    Column("claimed_until", DateTime(timezone=True)),
    Column("last_attempt_at", DateTime(timezone=True)),
    Column("last_result", String(40)),
    Column("snapshot", String(11)),
    Column("delivered_at", DateTime(timezone=True)),
    Column("parked_at", DateTime(timezone=True)),
    Column("person_removed_at", DateTime(timezone=True)),
    Column("person_removed_because", String(9)),
    Column("number", BigInteger),
    Column("numbered_at", DateTime(timezone=True)),
    UniqueConstraint("poster", "idempotency_key", name="inquiries_one_for_each_idempotency_key"),
    UniqueConstraint("number", name="inquiries_number_is_given_once"),
    CheckConstraint("state IN ('pending', 'delivered', 'parked', 'erased')", name="state_is_known"),
)

Index(
    "inquiries_due",
    inquiries.c.due_at,
    postgresql_where=inquiries.c.state == "pending",
)
Index(
    "inquiries_parked",
    inquiries.c.parked_at,
    postgresql_where=inquiries.c.state == "parked",
)
Index(
    "inquiries_unnumbered",
    inquiries.c.inquiry_key,
    postgresql_where=inquiries.c.number.is_(None),
)
Index(
    "inquiries_with_person",
    inquiries.c.received_at,
    postgresql_where=inquiries.c.person_removed_at.is_(None),
)
