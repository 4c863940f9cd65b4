"""Inquiries for tests: what a portal sends, and what is kept of it by plain SQL."""

import json
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

import psycopg
from migrated_database import MigratedDatabase
from psycopg.rows import dict_row

Connection = psycopg.Connection[Any]
Members = dict[str, Any]

PATH: Final = "/v1/inquiries"
# Words that stand nowhere else: whoever searches for them finds the person or nothing.
PERSON: Final[Members] = {
    "FullName": "山田 Himitsutaro",
    "Email": "himitsu.taro@example.com",
    "Phone": "03-9876-5432",
    "Message": "Ohimitsu 内見\nしたいです",
}
TRACES: Final = ("山田", "imitsu", "98765432", "9876-5432", "内見")


def inquiry_about(listing_key: str, **members: object) -> Members:
    """An inquiry as a portal sends it."""
    return PERSON | {"ListingKey": listing_key} | members


def sent_by(client: str, *, idempotency_key: str | None = None) -> dict[str, str]:
    """The headers as the app gets them: the sidecar has put the client's name there."""
    named = {"X-Client-Id": client, "Idempotency-Key": idempotency_key or str(uuid4())}
    return named | {"Content-Type": "application/json"}


def request_of(
    inquiry: Members, *, client: str = "portal-a", idempotency_key: str | None = None
) -> dict[str, Any]:
    """What an HTTP client is told beside method and path."""
    headers = sent_by(client, idempotency_key=idempotency_key)
    return {"content": json.dumps(inquiry), "headers": headers}


KEEP: Final = """
INSERT INTO bukken.inquiries (inquiry_key, poster, idempotency_key, request_digest, listing_key,
    name, email, phone, message)
VALUES (%(key)s, %(poster)s, %(key)s, 'digest', %(listing)s,
    %(FullName)s, %(Email)s, %(phone)s, %(Message)s)
"""


def keep(
    writer: Connection, key: str | None = None, *, poster: str = "portal-a", **members: object
) -> str:
    """Accepts one without a command-api, in the connection's transaction; gives its key."""
    made = key or str(uuid4())
    others = {"key": made, "poster": poster, "listing": "a", "phone": "+81398765432"}
    writer.execute(KEEP, PERSON | members | others)
    return made


def inquiry_row(database: MigratedDatabase, key: str) -> Mapping[str, Any]:
    """All that is kept of an inquiry."""
    with database.connect("bukken_writer") as writer:
        cursor = writer.cursor(row_factory=dict_row)
        row = cursor.execute("SELECT * FROM inquiries WHERE inquiry_key = %s", [key]).fetchone()
    assert row, f"no inquiry {key}"
    return row


def kept_of(database: MigratedDatabase, listing_key: str) -> int:
    """How many inquiries there are about a listing."""
    with database.connect("bukken_writer") as writer:
        question = "SELECT count(*) FROM inquiries WHERE listing_key = %s"
        row = writer.execute(question, [listing_key]).fetchone()
    assert row
    count: int = row[0]
    return count
