"""What the feed is not made of, and why: each of these loses an event, waits, or is slow."""

import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from feeding import Candidate, events_of, put

if TYPE_CHECKING:
    from feeding import Connection
    from migrated_database import MigratedDatabase


def test_a_plain_sequence_loses_the_slow_writer(
    writer: "Connection", another_writer: "Connection", master: "Connection"
) -> None:
    """A reader sees 2 and goes on after it; 1 is committed later and never read."""
    master.execute("CREATE TABLE plain (n bigserial, key text)")
    master.execute("GRANT USAGE ON plain_n_seq TO bukken_writer")
    master.execute("GRANT SELECT, INSERT ON plain TO bukken_writer")
    with another_writer.transaction():
        another_writer.execute("INSERT INTO plain (key) VALUES ('slow')")
        writer.execute("INSERT INTO plain (key) VALUES ('quick')")
        seen = writer.execute("SELECT n, key FROM plain").fetchall()
    later = writer.execute("SELECT n, key FROM plain WHERE n > 2").fetchall()
    master.execute("DROP TABLE plain")

    assert (seen, later) == ([(2, "quick")], [])


def test_a_horizon_of_transactions_waits_for_whoever_is_open(
    writer: "Connection", another_writer: "Connection", leader: Candidate
) -> None:
    """Only what is older than every open transaction would be shown: one idle session hides all."""
    older = (
        "SELECT count(*) FROM unnumbered_events "
        "WHERE xmin::text::xid8 < pg_snapshot_xmin(pg_current_snapshot())"
    )
    with another_writer.transaction():
        another_writer.execute("SELECT pg_current_xact_id()")
        put(writer, "a")
        behind_the_horizon = writer.execute(older).fetchone()
        leader.number()
        numbered = [event.key for event in events_of(writer)]

    assert (behind_the_horizon, numbered) == ((0,), ["a"])


def test_a_lock_in_the_transaction_lets_one_commit_at_a_time(
    feed_database: "MigratedDatabase", master: "Connection"
) -> None:
    """Eight writers whose commits take 5 ms: with it not half as many; with the feed, most."""
    with_feed = rate(feed_database, before="")
    with_lock = rate(feed_database, before="LOCK TABLE listings IN SHARE ROW EXCLUSIVE MODE")
    master.execute("ALTER TABLE listings DISABLE TRIGGER USER")
    without = rate(feed_database, before="")
    master.execute("ALTER TABLE listings ENABLE TRIGGER USER")

    assert with_lock / without < 0.5
    assert with_feed / without > 0.6


def rate(database: "MigratedDatabase", *, before: str, seconds: float = 1.5) -> int:
    """How many transactions eight writers commit in this time."""
    done = [0] * 8
    end = time.monotonic() + seconds

    def write(number: int, writer: "Connection") -> None:
        while time.monotonic() < end:
            with writer.transaction():
                if before:
                    writer.execute(before)
                put(writer, str(number))
                writer.execute("SELECT pg_sleep(0.005)")
            done[number] += 1

    with ExitStack() as stack:
        writers = [stack.enter_context(database.connect("bukken_writer")) for _ in range(8)]
        threads = [threading.Thread(target=write, args=pair) for pair in enumerate(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return sum(done)
