import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from feeding import Candidate, events_of, put
from prometheus_client import CollectorRegistry
from waiting import wait_until

from bukken_database.connections import writer_engine
from command_api.feed_figures import FeedFigures
from command_api.sequencer import Sequencer

if TYPE_CHECKING:
    from feeding import Connection
    from migrated_database import MigratedDatabase

Run = Callable[[Callable[[Sequencer], Awaitable[None]]], None]


@pytest.fixture
def registry() -> CollectorRegistry:
    """What is told."""
    return CollectorRegistry()


@pytest.fixture
def run(feed_database: "MigratedDatabase", registry: CollectorRegistry) -> Run:
    """A function that does something with a sequencer, on a loop of its own."""

    def run(work: Callable[[Sequencer], Awaitable[None]]) -> None:
        async def made() -> None:
            settings = feed_database.settings("bukken_writer")
            engine = writer_engine(settings, application="test")
            kept, figures = timedelta(days=30), FeedFigures(registry)
            await work(Sequencer(engine, kept=kept, figures=figures))
            await engine.dispose()

        asyncio.run(made())

    return run


def test_it_numbers_until_it_is_stopped_and_gives_the_lead_up(
    run: Run, writer: "Connection", another_writer: "Connection", registry: CollectorRegistry
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
    assert figure(registry, "numbered_events_total") == 1


def figure(registry: CollectorRegistry, name: str) -> float:
    """What Prometheus is told under this name."""
    value = registry.get_sample_value(f"bukken_feed_{name}")
    assert value is not None, name
    return value


def test_it_tells_of_a_backlog(
    run: Run,
    writer: "Connection",
    master: "Connection",
    registry: CollectorRegistry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """How many wait, and for how long; aloud when that is too long."""
    put(writer, "a")
    put(writer, "b")
    master.execute(
        "UPDATE unnumbered_events SET written_at = now() - interval '1 minute' "
        "WHERE listing_key = 'a'"
    )

    run(lambda sequencer: sequencer.measure())

    assert figure(registry, "unnumbered_events") == 2
    assert 60 <= figure(registry, "oldest_unnumbered_seconds") < 90
    assert "feed: 2 events have no number" in caplog.messages


def test_without_a_backlog_it_says_nothing(
    run: Run, registry: CollectorRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """And the figures are those of a feed that keeps everything."""
    run(lambda sequencer: sequencer.measure())

    assert (figure(registry, "unnumbered_events"), caplog.messages) == (0, [])
    assert figure(registry, "oldest_unnumbered_seconds") == 0
    assert abs(figure(registry, "kept_since_timestamp_seconds") - time.time()) < 30


def test_it_tells_since_when_events_are_kept(
    run: Run,
    writer: "Connection",
    leader: Candidate,
    master: "Connection",
    registry: CollectorRegistry,
) -> None:
    """The moment at which the oldest that is left got its number."""
    put(writer, "a")
    leader.number()
    master.execute("UPDATE events SET numbered_at = now() - interval '3 days'")
    put(writer, "a")
    leader.number()

    run(lambda sequencer: sequencer.measure())

    kept = time.time() - figure(registry, "kept_since_timestamp_seconds")
    assert kept == pytest.approx(3 * 86_400, abs=30)
    assert abs(figure(registry, "measured_timestamp_seconds") - time.time()) < 30


def test_whoever_does_not_lead_tells_as_well(
    run: Run, writer: "Connection", leader: Candidate, registry: CollectorRegistry
) -> None:
    """A feed that nobody leads is what most needs to be told."""
    leader.number()
    put(writer, "a")

    async def work(sequencer: Sequencer) -> None:
        task = asyncio.create_task(sequencer.run())
        told = lambda: registry.get_sample_value("bukken_feed_unnumbered_events") == 1  # noqa: E731 — used once
        await asyncio.to_thread(wait_until, told, what="it is told")
        task.cancel()
        await asyncio.wait([task])

    run(work)

    assert figure(registry, "numbered_events_total") == 0


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
