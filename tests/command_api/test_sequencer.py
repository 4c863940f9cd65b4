import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from feeding import Candidate, events_of, put
from waiting import wait_until

from bukken_database.connections import writer_engine
from command_api.sequencer import LATE_SECONDS, Sequencer

if TYPE_CHECKING:
    from feeding import Connection
    from migrated_database import MigratedDatabase

Run = Callable[[Callable[[Sequencer], Awaitable[None]]], None]


@pytest.fixture
def run(feed_database: "MigratedDatabase") -> Run:
    """A function that does something with a sequencer, on a loop of its own."""

    def run(work: Callable[[Sequencer], Awaitable[None]]) -> None:
        async def made() -> None:
            settings = feed_database.settings("bukken_writer")
            engine = writer_engine(settings, application="test")
            await work(Sequencer(engine, kept=timedelta(days=30)))
            await engine.dispose()

        asyncio.run(made())

    return run


def test_it_numbers_until_it_is_stopped_and_gives_the_lead_up(
    run: Run, writer: "Connection", another_writer: "Connection"
) -> None:
    """The next Pod leads at once: a rollout does not hold the feed up for a lease."""

    async def work(sequencer: Sequencer) -> None:
        task = asyncio.create_task(sequencer.run())
        put(writer, "a")
        await asyncio.to_thread(wait_until, lambda: events_of(writer), what="it is numbered")
        assert Candidate(another_writer).number() is None
        task.cancel()
        await asyncio.wait([task])

    run(work)

    assert Candidate(another_writer).number() == 0


def test_it_tells_of_a_backlog(
    run: Run, writer: "Connection", master: "Connection", caplog: pytest.LogCaptureFixture
) -> None:
    """How many wait; and aloud when the oldest has waited for long."""
    put(writer, "a")
    master.execute("UPDATE unnumbered_events SET written_at = now() - interval '1 minute'")
    with caplog.at_level(logging.INFO):
        run(lambda sequencer: sequencer.tell())

    (record,) = [r for r in caplog.records if r.message.startswith("feed:")]
    assert (record.levelname, record.message) == ("WARNING", "feed: 0 numbered, 1 wait")
    assert vars(record)["waits_seconds"] > LATE_SECONDS


def test_it_forgets_what_is_old(
    run: Run, writer: "Connection", leader: Candidate, master: "Connection"
) -> None:
    """As long as it is told to keep events, and no longer."""
    put(writer, "a")
    leader.number()
    put(writer, "a")
    leader.number()
    master.execute("UPDATE events SET numbered_at = now() - interval '31 days' WHERE sequence = 1")

    run(lambda sequencer: sequencer.forget())

    assert [event.sequence for event in events_of(writer)] == [2]
