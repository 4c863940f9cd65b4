import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from feeding import Candidate
from inquiring import inquiry_row, keep
from prometheus_client import CollectorRegistry
from waiting import wait_until

from bukken_database.connections import writer_engine
from bukken_database.sessions import WriteDatabase
from command_api.feed_figures import FeedFigures
from command_api.inquiry_care import InquiryCare
from command_api.sequencer import Sequencer

if TYPE_CHECKING:
    from feeding import Connection
    from migrated_database import MigratedDatabase

Run = Callable[[Callable[[InquiryCare], Awaitable[None]]], None]


@pytest.fixture
def registry() -> CollectorRegistry:
    """What is told."""
    return CollectorRegistry()


@pytest.fixture
def run(feed_database: "MigratedDatabase", registry: CollectorRegistry) -> Run:
    """A function that does something with what cares for inquiries, on a loop of its own."""

    def run(work: Callable[[InquiryCare], Awaitable[None]]) -> None:
        async def made() -> None:
            settings = feed_database.settings("bukken_writer")
            database = WriteDatabase(writer_engine(settings, application="test"))
            await work(InquiryCare(database, kept=timedelta(days=30), registry=registry))
            await database.close()

        asyncio.run(made())

    return run


def figure(registry: CollectorRegistry, name: str) -> float:
    """What Prometheus is told under this name."""
    value = registry.get_sample_value(f"bukken_inquiries_{name}")
    assert value is not None, name
    return value


def test_it_tells_what_waits(
    run: Run, writer: "Connection", master: "Connection", registry: CollectorRegistry
) -> None:
    """Pending and parked, and since when the oldest of both; what is delivered counts no more."""
    for key in ("pending", "parked", "delivered"):
        keep(writer, key)
    writer.execute(
        "UPDATE inquiries SET state = inquiry_key, delivered_at = now(), "
        "parked_at = CASE inquiry_key WHEN 'parked' THEN now() END"
    )
    master.execute(
        "UPDATE inquiries SET received_at = now() - CASE inquiry_key WHEN 'parked' "
        "THEN interval '1 day' ELSE interval '2 days' END WHERE inquiry_key <> 'pending'"
    )

    run(lambda care: care.measure())

    assert [figure(registry, name) for name in ("pending", "parked")] == [1, 1]
    assert 86_400 <= figure(registry, "oldest_undelivered_seconds") < 86_460


def test_with_nothing_to_do_it_tells_so(run: Run, registry: CollectorRegistry) -> None:
    """An empty table is no gap in the figures."""
    run(lambda care: care.measure())

    names = ("pending", "parked", "oldest_undelivered_seconds")
    assert [figure(registry, name) for name in names] == [0, 0, 0]


def test_it_forgets_while_it_runs(
    run: Run, writer: "Connection", master: "Connection", feed_database: "MigratedDatabase"
) -> None:
    """Nobody has to ask for it."""
    keep(writer, "old")
    master.execute(
        "UPDATE inquiries SET received_at = now() - interval '31 days', state = 'delivered', "
        "delivered_at = now()"
    )

    async def work(care: InquiryCare) -> None:
        task = asyncio.create_task(care.run())
        await asyncio.to_thread(
            wait_until,
            lambda: inquiry_row(feed_database, "old")["name"] is None,
            what="the person is forgotten",
        )
        task.cancel()
        await asyncio.wait([task])

    run(work)


def test_the_sequencer_numbers_inquiries(
    feed_database: "MigratedDatabase", writer: "Connection"
) -> None:
    """In the statement in which it numbers events: no second question each 20 ms."""
    keep(writer, "a")

    async def work() -> None:
        engine = writer_engine(feed_database.settings("bukken_writer"), application="test")
        figures = FeedFigures(CollectorRegistry())
        sequencer = Sequencer(engine, kept=timedelta(days=30), figures=figures)
        await sequencer.number()
        await engine.dispose()

    asyncio.run(work())

    assert inquiry_row(feed_database, "a")["number"] == 1
    assert Candidate(writer).number() is None
