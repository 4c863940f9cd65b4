"""The sequencer: gives the events of committed writes their numbers, which partners follow.

Each Pod runs one, and one of them leads: it asks every few milliseconds whether there is something
to number. Why not number in the writer's transaction? Its numbers would become visible in another
order than they were given, and a partner who had seen 8 would never ask for 7 again; a lock that
prevents that lets one write commit at a time. Why not NOTIFY? It takes such a lock at each commit,
and is lost with the connection. The rest: docs/decisions/0018.
"""

import asyncio
import logging
import time
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import (
    BigInteger,
    Integer,
    Interval,
    RowMapping,
    Select,
    Uuid,
    bindparam,
    column,
    func,
    select,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from bukken_contract import logs
from bukken_database.schema import unnumbered_events
from bukken_database.sessions import WriteDatabase, WriteSession

log = logging.getLogger(__name__)

# The leader's pause when there was nothing more to number: most of what a partner waits for.
POLL_SECONDS: Final = 0.02
# The others', who only look whether there still is a leader.
FOLLOW_SECONDS: Final = 0.5
# Not renewed for so long, and another leads. The leader renews when half of it is over.
LEASE: Final = timedelta(seconds=2)
# At once, so that a night's batch makes no long transaction.
MOST: Final = 5_000
# How often old events are forgotten, and the backlog is told.
MINUTE: Final = 60.0
# A backlog that is older is somebody's to look at.
LATE_SECONDS: Final = 5.0

_ANSWER: Final[tuple[Any, ...]] = (column("numbered", Integer), column("last", BigInteger))
_NUMBER: Final[Select[Any]] = select(*_ANSWER).select_from(
    func.bukken.number_events(
        bindparam("candidate", type_=Uuid()),
        bindparam("seen", type_=BigInteger()),
        bindparam("most", type_=Integer()),
        bindparam("lease", type_=Interval()),
    ).table_valued(*_ANSWER)
)
_FORGET: Final[Select[Any]] = select(
    func.bukken.forget_events(bindparam("kept", type_=Interval()), MOST).label("forgotten")
)
_BACKLOG_FIGURES: Final[tuple[Any, ...]] = (
    func.count().label("events"),
    func.coalesce(
        func.extract("epoch", func.clock_timestamp() - func.min(unnumbered_events.c.written_at)), 0
    ).label("seconds"),
)
_BACKLOG: Final[Select[Any]] = select(*_BACKLOG_FIGURES)


class Sequencer:
    """One Pod's, on a connection of its own, so that many writes do not hold the feed up."""

    def __init__(self, engine: AsyncEngine, *, kept: timedelta) -> None:
        # Each call is a transaction, and the pause between two is in none.
        self._database = WriteDatabase(engine.execution_options(isolation_level="AUTOCOMMIT"))
        self._kept = kept
        self._candidate = uuid4()
        self._seen = 0
        self._numbered = 0
        self._minute_at = time.monotonic() + MINUTE

    async def run(self) -> None:
        """Numbers, or waits to lead, until it is cancelled; then it gives the lead up."""
        try:
            while True:  # noqa: ASYNC110 — nobody tells us that there is something to number
                await asyncio.sleep(await self._step())
        finally:
            await self._leave()

    async def number(self, *, lease: timedelta = LEASE) -> int | None:
        """How many events got a number, or None where another leads."""
        values = {"candidate": self._candidate, "seen": self._seen, "most": MOST, "lease": lease}
        row = await self._database.run(lambda session: _row(session, _NUMBER.params(values)))
        self._seen = row["last"]
        numbered: int | None = row["numbered"]
        return numbered

    async def _step(self) -> float:
        """The pause after it, seconds. Whatever fails, it goes on: a Pod without is half a Pod."""
        try:
            numbered = await self.number()
            if numbered is None:
                return FOLLOW_SECONDS
            await self._each_minute(numbered)
        except Exception as error:  # noqa: BLE001 — see above
            log.warning("no events numbered: %s\n%s", type(error).__name__, logs.stack_of(error))
            return FOLLOW_SECONDS
        return 0 if numbered == MOST else POLL_SECONDS

    async def _each_minute(self, numbered: int) -> None:
        self._numbered += numbered
        if time.monotonic() < self._minute_at:
            return
        self._minute_at = time.monotonic() + MINUTE
        await self.forget()
        await self.tell()

    async def forget(self) -> None:
        """Deletes events that are no longer kept, some at a time."""
        question = _FORGET.params(kept=self._kept)
        while (await self._database.run(lambda s: _row(s, question)))["forgotten"] == MOST:
            pass

    async def tell(self) -> None:
        """Logs how many events were numbered, how many wait, and how long the oldest has."""
        backlog = await self._database.run(lambda session: _row(session, _BACKLOG))
        waits = float(backlog["seconds"])
        level = logging.WARNING if waits > LATE_SECONDS else logging.INFO
        figures = {
            "numbered": self._numbered,
            "backlog": backlog["events"],
            "waits_seconds": waits,
        }
        log.log(level, "feed: %(numbered)d numbered, %(backlog)d wait", figures, extra=figures)
        self._numbered = 0

    async def _leave(self) -> None:
        """So that the next Pod need not wait until the lease is over."""
        try:
            async with asyncio.timeout(LEASE.total_seconds()):
                await self.number(lease=timedelta(0))
        except Exception as error:  # noqa: BLE001 — the lease ends by itself
            log.warning("the lead was not given up: %s", type(error).__name__)
        await self._database.close()


async def _row(session: WriteSession, question: Select[Any]) -> RowMapping:
    row = await session.row(question)
    if row is None:
        raise LookupError("the schema has no feed")
    return row
