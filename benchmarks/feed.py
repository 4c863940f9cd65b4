"""What the change feed costs its writers, and how soon a commit is in it on the standby.

By plain SQL, beside command-api's own sequencers: the feed is the database's, and HTTP would be
measured with it. The functions take ways to connect, so that any running platform can be asked.
"""

import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Final

import psycopg

Connection = psycopg.Connection[Any]
Connect = Callable[[], Connection]
"""A new connection, in autocommit mode, to the database that has the schema `bukken`."""

COMMIT_SECONDS: Final = 0.005
WRITERS: Final = 16
GIVE_UP_SECONDS: Final = 30.0
_WRITE: Final = """
INSERT INTO bukken.listings AS l (listing_key, version, original_entry_timestamp,
    modification_timestamp, ever_visible, standard_status, property_type)
VALUES (%s, 1, now(), now(), true, 'Active', 'Residential')
ON CONFLICT (listing_key) DO UPDATE SET version = l.version + 1, modification_timestamp = now()
RETURNING version
"""
_VISIBLE: Final = "SELECT true FROM bukken.events WHERE sequence > %s AND listing_key = %s"
_LAST: Final = "SELECT coalesce(max(sequence), 0) FROM bukken.events"
_LEFT: Final = "SELECT true FROM bukken.unnumbered_events LIMIT 1"


def seconds_until_visible(
    *, primary: Connect, standby: Connect, samples: int, seconds: float = 0
) -> list[float]:
    """From the commit's answer until the standby shows the event, one listing after the other.

    Args:
        primary: where it is written.
        standby: where it is looked for.
        samples: how many at least.
        seconds: for how long at least.

    Raises:
        TimeoutError: one was not seen within 30 s.
    """
    chance = random.Random(1)  # noqa: S311 — no secret
    with primary() as writer, standby() as reader:
        found: list[float] = []
        end = time.monotonic() + seconds
        while len(found) < samples or time.monotonic() < end:
            time.sleep(chance.random() * 0.05)  # at any moment of the sequencer's pause
            found.append(_seconds(writer, reader, key=f"feed-{len(found) % 100}"))
    return found


def _seconds(writer: Connection, reader: Connection, *, key: str) -> float:
    last = _one(reader, _LAST)
    writer.execute(_WRITE, [key])
    committed = time.monotonic()
    while not reader.execute(_VISIBLE, [last, key]).fetchone():
        if time.monotonic() > committed + GIVE_UP_SECONDS:
            raise TimeoutError(f"{key} is not in the feed; does a command-api run?")
        time.sleep(0.001)
    return time.monotonic() - committed


@contextmanager
def open_transaction(connect: Connect) -> Iterator[None]:
    """Somebody has written, and neither commits nor goes away, while this is open."""
    with connect() as idle, idle.transaction(force_rollback=True):
        idle.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        idle.execute(_WRITE, ["feed-open"])
        yield


@contextmanager
def slow_commits(master: Connect) -> Iterator[None]:
    """Each commit takes 5 ms more, several at once as they do on a disk; of everybody.

    commit_delay waits before the flush, and whoever commits meanwhile is flushed with it.
    """
    microseconds = int(COMMIT_SECONDS * 1_000_000)
    with master() as connection:
        try:
            for setting in (f"commit_delay = {microseconds}", "commit_siblings = 0"):
                connection.execute(f"ALTER SYSTEM SET {setting}".encode())
            connection.execute("SELECT pg_reload_conf()")
            yield
        finally:
            connection.execute("ALTER SYSTEM RESET commit_delay")
            connection.execute("ALTER SYSTEM RESET commit_siblings")
            connection.execute("SELECT pg_reload_conf()")


def writes_a_second(
    *, master: Connect, primary: Connect, seconds: float, rounds: int = 3
) -> tuple[float, float]:
    """With the feed and without, by turns, so that what else the machine does is in both.

    Without: the triggers are off for the time, and the sequencers find nothing to number.
    """
    pairs = []
    with master() as connection:
        for _ in range(rounds):
            with_feed = _rate(primary, seconds=seconds)
            _until_numbered(connection)
            with _without_triggers(connection):
                pairs.append((with_feed, _rate(primary, seconds=seconds)))
    with_feeds, without = zip(*pairs, strict=True)
    return statistics.mean(with_feeds), statistics.mean(without)


@contextmanager
def _without_triggers(connection: Connection) -> Iterator[None]:
    connection.execute("ALTER TABLE bukken.listings DISABLE TRIGGER USER")
    try:
        yield
    finally:
        connection.execute("ALTER TABLE bukken.listings ENABLE TRIGGER USER")


def _until_numbered(connection: Connection) -> None:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while connection.execute(_LEFT).fetchone():
        if time.monotonic() > deadline:
            raise TimeoutError("events stay without a number; does a command-api run?")
        time.sleep(0.02)


def _rate(connect: Connect, *, seconds: float) -> float:
    done = [0] * WRITERS

    def write(number: int, writer: Connection, *, end: float) -> None:
        while time.monotonic() < end:
            writer.execute(_WRITE, [f"feed-{number}-{done[number] % 100}"])
            done[number] += 1

    with ExitStack() as stack:
        writers = [stack.enter_context(connect()) for _ in range(WRITERS)]
        timed = partial(write, end=time.monotonic() + seconds)  # with all of them connected
        threads = [threading.Thread(target=timed, args=pair) for pair in enumerate(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return sum(done) / seconds


def _one(connection: Connection, question: str) -> int:
    row = connection.execute(question.encode()).fetchone()
    return int(row[0]) if row else 0
