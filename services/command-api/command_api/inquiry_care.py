"""What is done for kept inquiries as time goes by: persons are forgotten, what waits is counted.

Each Pod does it, beside the sequencer: two at once take other rows (SKIP LOCKED), so that no leader
is needed, and a leader that cannot number does not keep persons from being forgotten.
"""

import asyncio
import logging
from datetime import timedelta
from functools import partial
from typing import Any, Final

from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy import Interval, RowMapping, Select, bindparam, func, literal_column, select, true

from bukken_contract import logs
from bukken_database.inquiry_table import inquiries
from bukken_database.sessions import WriteDatabase, WriteSession

log = logging.getLogger(__name__)

# Prometheus asks twice a minute; what is forgotten after weeks may as well be looked for as often.
PAUSE_SECONDS: Final = 15.0
# At once, so that the first time makes no long transaction.
MOST: Final = 1_000

_FORGET: Final[Select[Any]] = select(
    func.bukken.forget_inquiries(bindparam("kept", type_=Interval()), MOST).label("forgotten")
)


def _those(state: str) -> Any:  # noqa: ANN401 — a subquery
    """Counted by their partial index: with a parameter for the state, a plan could not use it."""
    is_so = inquiries.c.state == literal_column(f"'{state}'")
    oldest = func.min(inquiries.c.received_at).label("oldest")
    return select(func.count().label("number"), oldest).where(is_so).subquery(state)


_PENDING: Final = _those("pending")
_PARKED: Final = _those("parked")
_NOW: Final = func.clock_timestamp()
_WAITS: Final = _NOW - func.least(_PENDING.c.oldest, _PARKED.c.oldest)
_COLUMNS: Final[tuple[Any, ...]] = (
    _PENDING.c.number.label("pending"),
    _PARKED.c.number.label("parked"),
    func.coalesce(func.extract("epoch", _WAITS), 0).label("oldest_waits"),
    func.extract("epoch", _NOW).label("measured_at"),
)
_FIGURES: Final[Select[Any]] = select(*_COLUMNS).select_from(_PENDING.join(_PARKED, true()))


class InquiryCare:
    """One Pod's."""

    def __init__(
        self, database: WriteDatabase, *, kept: timedelta, registry: CollectorRegistry
    ) -> None:
        gauge = partial(Gauge, namespace="bukken_inquiries", registry=registry)
        self._database = database
        self._kept = kept
        self._pending = gauge("pending", "Accepted, and to be delivered.")
        self._parked = gauge("parked", "Not delivered in time; somebody has to look.")
        self._oldest = gauge("oldest_undelivered_seconds", "How long ago the oldest was accepted.")
        self._measured_at = gauge("measured_timestamp_seconds", "When the figures were measured.")

    async def run(self) -> None:
        """Until it is cancelled; whatever fails is tried again."""
        while True:
            try:
                await self.measure()
                await self.forget()
            except Exception as error:  # noqa: BLE001 — see above
                stack = logs.stack_of(error)
                log.warning("inquiries not cared for: %s\n%s", type(error).__name__, stack)
            await asyncio.sleep(PAUSE_SECONDS)

    async def measure(self) -> None:
        """Tells how many wait, how many are parked, and since when the oldest of both."""
        measured = await self._database.run(lambda session: _row(session, _FIGURES))
        self._pending.set(measured["pending"])
        self._parked.set(measured["parked"])
        self._oldest.set(measured["oldest_waits"])
        self._measured_at.set(measured["measured_at"])

    async def forget(self) -> None:
        """Takes the person out of what was accepted too long ago, some at a time."""
        question = _FORGET.params(kept=self._kept)
        while (await self._database.run(lambda s: _forgotten(s, question))) == MOST:
            pass


async def _forgotten(session: WriteSession, question: Select[Any]) -> int:
    row = await _row(session, question)
    await session.commit()
    forgotten: int = row["forgotten"]
    if forgotten:
        log.info("the persons of %d inquiries forgotten", forgotten)
    return forgotten


async def _row(session: WriteSession, question: Select[Any]) -> RowMapping:
    row = await session.row(question)
    if row is None:
        raise LookupError("an aggregate has a row")
    return row
