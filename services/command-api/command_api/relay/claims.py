"""Who holds which inquiry: short statements on the writer, no transaction open while HTTP runs.

Whoever claims an inquiry puts its `due_at` to the end of the lease. So one number says when the
next may take it, whether it is put off, claimed, or left behind by a relay that was killed. Every
time is the server's: a node's clock may go wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncEngine

from bukken_database.sessions import WriteDatabase, WriteSession

# Not renewed for so long, and another relay takes it: what a killed relay costs. Renewed each third
# of it, so that a busy second or a retried statement loses nothing.
LEASE: Final = timedelta(seconds=10)

# `tried_since` begins with the first try: an inquiry that waited for days, since no relay could
# work, is not given up at its first failure.
_TAKE: Final = text("""
    UPDATE bukken.inquiries AS i
    SET claimed_by = :me, claimed_until = clock_timestamp() + :lease,
        due_at = clock_timestamp() + :lease,
        tried_since = CASE i.attempts WHEN 0 THEN clock_timestamp() ELSE i.tried_since END
    FROM (
        SELECT inquiry_key FROM bukken.inquiries
        WHERE state = 'pending' AND due_at <= clock_timestamp()
        ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE i.inquiry_key = due.inquiry_key
    RETURNING i.inquiry_key, i.listing_key, i.name, i.email, i.phone, i.message, i.received_at,
        clock_timestamp() - i.tried_since AS tried_for, i.attempts
""")

_MINE: Final = "WHERE inquiry_key = :key AND claimed_by = :me AND state = 'pending'"
# One that was erased while it was on its way was delivered all the same; the record says so.
_MINE_OR_ERASED: Final = "WHERE inquiry_key = :key AND claimed_by = :me AND state <> 'delivered'"

_RENEW: Final = text("""
    UPDATE bukken.inquiries
    SET claimed_until = clock_timestamp() + :lease, due_at = clock_timestamp() + :lease
    WHERE inquiry_key = ANY(:keys) AND claimed_by = :me AND state = 'pending'
    RETURNING inquiry_key
""")

_DELIVERED: Final = text(f"""
    UPDATE bukken.inquiries
    SET state = CASE state WHEN 'erased' THEN state ELSE 'delivered' END,
        delivered_at = clock_timestamp(), attempts = attempts + 1,
        last_attempt_at = clock_timestamp(), last_result = :result, snapshot = :snapshot,
        claimed_by = NULL, claimed_until = NULL
    {_MINE_OR_ERASED} RETURNING inquiry_key
""")  # noqa: S608 — a constant of ours

_FAILED: Final = text(f"""
    UPDATE bukken.inquiries
    SET attempts = attempts + 1, last_attempt_at = clock_timestamp(), last_result = :result,
        due_at = clock_timestamp() + :pause, claimed_by = NULL, claimed_until = NULL
    {_MINE} RETURNING inquiry_key
""")  # noqa: S608 — a constant of ours

_PARKED: Final = text(f"""
    UPDATE bukken.inquiries
    SET state = 'parked', parked_at = clock_timestamp(), attempts = attempts + 1,
        last_attempt_at = clock_timestamp(), last_result = :result,
        claimed_by = NULL, claimed_until = NULL
    {_MINE} RETURNING inquiry_key
""")  # noqa: S608 — a constant of ours

_PUT_BACK: Final = text("""
    UPDATE bukken.inquiries
    SET due_at = clock_timestamp() + :pause, claimed_by = NULL, claimed_until = NULL
    WHERE inquiry_key = ANY(:keys) AND claimed_by = :me AND state = 'pending'
    RETURNING inquiry_key
""")


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """A claimed inquiry. What a person wrote is in no representation of it, so in no log."""

    inquiry_key: str
    listing_key: str
    name: str | None = field(repr=False)
    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)
    message: str | None = field(repr=False)
    received_at: datetime
    tried_for: timedelta
    attempts: int


class Claims:
    """One relay's hold on the inquiries."""

    def __init__(self, engine: AsyncEngine, *, me: str) -> None:
        # Each call is one statement and a transaction of its own.
        self._database = WriteDatabase(engine.execution_options(isolation_level="AUTOCOMMIT"))
        self._me = me

    async def take(self, most: int) -> list[Inquiry]:
        """Due inquiries, the longest due first; those that another relay just takes are left."""
        rows = await self._run(_TAKE, most=most, lease=LEASE)
        return [Inquiry(**row) for row in rows]

    async def renew(self, keys: Sequence[str]) -> set[str]:
        """Holds them for another lease; which of them are still ours."""
        rows = await self._run(_RENEW, keys=list(keys), lease=LEASE)
        return {row["inquiry_key"] for row in rows}

    async def delivered(self, key: str, *, result: str, snapshot: str) -> bool:
        """The back end has it. False where it was not ours any more."""
        return bool(await self._run(_DELIVERED, key=key, result=result, snapshot=snapshot))

    async def failed(self, key: str, *, result: str, pause: float) -> bool:
        """It is due again after the pause, seconds."""
        wait = timedelta(seconds=pause)
        return bool(await self._run(_FAILED, key=key, result=result, pause=wait))

    async def parked(self, key: str, *, result: str) -> bool:
        """It is not tried again before somebody says so."""
        return bool(await self._run(_PARKED, key=key, result=result))

    async def put_back(self, keys: Sequence[str], *, pause: float = 0.0) -> None:
        """Not tried at all: due again after the pause, seconds."""
        await self._run(_PUT_BACK, keys=list(keys), pause=timedelta(seconds=pause))

    async def close(self) -> None:
        """Gives every connection back."""
        await self._database.close()

    async def _run(self, statement: TextClause, **values: Any) -> Sequence[Any]:  # noqa: ANN401 — a row's values
        async def work(session: WriteSession) -> Sequence[Any]:
            return await session.rows(statement, values=values | {"me": self._me})

        return await self._database.run(work)
