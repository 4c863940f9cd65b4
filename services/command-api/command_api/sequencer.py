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
    true,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from bukken_contract import logs
from bukken_database.sessions import WriteDatabase, WriteSession
from command_api.feed_figures import FIGURES, FeedFigures

log = logging.getLogger(__name__)

# The leader's pause when there was nothing more to number: most of what a partner waits for.
POLL_SECONDS: Final = 0.02
# The others', who only look whether there still is a leader.
FOLLOW_SECONDS: Final = 0.5
# Not renewed for so long, and another leads. The leader renews when half of it is over.
LEASE: Final = timedelta(seconds=2)
# At once, so that a night's batch makes no long transaction.
MOST: Final = 5_000
# How often the leader forgets old events, and everybody measures: Prometheus asks twice a minute.
FORGET_SECONDS: Final = 60.0
MEASURE_SECONDS: Final = 15.0
# A backlog that is older is somebody's to look at.
LATE_SECONDS: Final = 5.0

_ANSWER: Final[tuple[Any, ...]] = (column("numbered", Integer), column("last", BigInteger))
_CANDIDATE: Final = bindparam("candidate", type_=Uuid())
_MOST: Final = bindparam("most", type_=Integer())
_EVENTS: Final = (
    func.bukken.number_events(
        _CANDIDATE,
        bindparam("seen", type_=BigInteger()),
        _MOST,
        bindparam("lease", type_=Interval()),
    )
    .table_valued(*_ANSWER)
    .alias("of_events")
)
# Inquiries have the feed's numbers too, from where the events' end: one counter, one leader.
_INQUIRIES: Final = (
    func.bukken.number_inquiries(_CANDIDATE, _EVENTS.c.last, _MOST)
    .table_valued(*_ANSWER)
    .lateral("of_inquiries")
)
_NUMBER: Final[Select[Any]] = select(
    _EVENTS.c.numbered, _INQUIRIES.c.numbered.label("inquiries"), _INQUIRIES.c.last
).select_from(_EVENTS.join(_INQUIRIES, true()))
_FORGET: Final[Select[Any]] = select(
    func.bukken.forget_events(bindparam("kept", type_=Interval()), MOST).label("forgotten")
)


class Sequencer:
    """One Pod's, on a connection of its own, so that many writes do not hold the feed up."""

    def __init__(self, engine: AsyncEngine, *, kept: timedelta, figures: FeedFigures) -> None:
        # Each call is a transaction, and the pause between two is in none.
        self._database = WriteDatabase(engine.execution_options(isolation_level="AUTOCOMMIT"))
        self._kept = kept
        self._candidate = uuid4()
        self._seen = 0
        self._figures = figures
        self._forgetting, self._measuring = _Every(FORGET_SECONDS), _Every(MEASURE_SECONDS)

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
            self._figures.numbered.inc(numbered or 0)
            if self._measuring.is_due():
                await self.measure()
            if numbered is None:
                return FOLLOW_SECONDS
            if self._forgetting.is_due():
                await self.forget()
        except Exception as error:  # noqa: BLE001 — see above
            log.warning("no events numbered: %s\n%s", type(error).__name__, logs.stack_of(error))
            return FOLLOW_SECONDS
        return 0 if numbered == MOST else POLL_SECONDS

    async def forget(self) -> None:
        """Deletes events that are no longer kept, some at a time."""
        question = _FORGET.params(kept=self._kept)
        while (await self._database.run(lambda s: _row(s, question)))["forgotten"] == MOST:
            pass

    async def measure(self) -> None:
        """How many events wait, and how long the oldest has; aloud when that is too long."""
        measured = await self._database.run(lambda session: _row(session, FIGURES))
        self._figures.take(measured)
        if measured["oldest_waits"] > LATE_SECONDS:
            waits = {name: float(measured[name]) for name in ("unnumbered", "oldest_waits")}
            log.warning("feed: %(unnumbered)d events have no number", waits, extra=waits)

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


class _Every:
    """Says, no oftener than each so many seconds, that it is time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at = 0.0

    def is_due(self) -> bool:
        """Whether it is; then it is not for a while."""
        if time.monotonic() < self._at:
            return False
        self._at = time.monotonic() + self._seconds
        return True
