import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from feeding import Candidate, events_of, falsify, put, remove
from psycopg import errors
from waiting import wait_until

if TYPE_CHECKING:
    from feeding import Connection
    from migrated_database import MigratedDatabase

WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def test_each_change_that_can_be_seen_is_an_event(writer: "Connection", leader: Candidate) -> None:
    """Created, changed, hidden, shown again, removed, created again; of what is hidden, nothing."""
    for status in ("Incomplete", "Active", "Pending", "Incomplete", "Incomplete", "Active"):
        put(writer, "a", status=status)
    remove(writer, "a")
    put(writer, "a")

    leader.number()

    assert [version for _, _, version in events_of(writer)] == [2, 3, 4, 6, 7, 8]


def test_what_changes_nothing_that_can_be_seen_is_no_event(
    writer: "Connection", leader: Candidate
) -> None:
    """Remembering a message of the producer changes the row and no version."""
    put(writer, "a")
    writer.execute("UPDATE listings SET source_version = 7")

    assert leader.number() == 1


def test_a_row_taken_out_by_hand_is_an_event(writer: "Connection", leader: Candidate) -> None:
    """Whatever an operator mends, partners are told: the feed is no matter of the application."""
    put(writer, "a")
    writer.execute("DELETE FROM listings")
    leader.number()

    assert [event.key for event in events_of(writer)] == ["a", "a"]


def test_what_is_rolled_back_is_in_no_feed(writer: "Connection", leader: Candidate) -> None:
    """The event is of the same transaction as the write."""
    writer.execute("BEGIN")
    put(writer, "a")
    writer.execute("ROLLBACK")

    assert leader.number() == 0


def test_a_slow_writer_gets_a_number_when_it_commits(
    writer: "Connection", another_writer: "Connection", leader: Candidate
) -> None:
    """It wrote first and commits last: no number appears below one that was seen."""
    with another_writer.transaction():
        put(another_writer, "slow")
        put(writer, "quick")
        leader.number()
        seen = events_of(writer)
    leader.number()

    assert [(n, key) for n, key, _ in seen] == [(1, "quick")]
    assert [(n, key) for n, key, _ in events_of(writer, after=1)] == [(2, "slow")]


def test_of_one_listing_numbers_follow_versions(writer: "Connection", leader: Candidate) -> None:
    """However many at once, and in however many batches."""
    for _ in range(7):
        put(writer, "a")
    while leader.number(most=2):
        pass

    assert [(n, version) for n, _, version in events_of(writer)] == [(n, n) for n in range(1, 8)]


def test_one_leads_until_its_lease_is_over(
    writer: "Connection", another_writer: "Connection"
) -> None:
    """The other numbers nothing, and takes over from one that is heard of no more."""
    first, second = Candidate(writer), Candidate(another_writer)
    put(writer, "a")

    assert first.number(lease="1 min") == 1
    put(writer, "a")
    assert second.number() is None
    assert first.number(lease="0") == 1
    assert second.number() == 0


def test_a_leader_in_mid_batch_is_waited_for(
    feed_database: "MigratedDatabase", writer: "Connection", another_writer: "Connection"
) -> None:
    """Its lease is over and it does not know: its lock on the feed's row is not."""
    first, second = Candidate(writer), Candidate(another_writer)
    put(writer, "a")
    another_writer.execute("SET lock_timeout = '100ms'")
    with writer.transaction():
        first.number(lease="0")

        with pytest.raises(errors.LockNotAvailable):
            second.number()
    put(writer, "b")

    assert second.number() == 1
    with feed_database.connect("bukken_reader") as reader:
        assert [(n, key) for n, key, _ in events_of(reader)] == [(1, "a"), (2, "b")]


def test_who_waited_goes_on_where_the_other_ended(
    writer: "Connection", another_writer: "Connection", master: "Connection"
) -> None:
    """It asked while the head was lower; that is not what it numbers by."""
    first, second = Candidate(writer), Candidate(another_writer)
    put(writer, "a")
    waiting = threading.Thread(target=second.number)
    with writer.transaction():
        first.number(lease="0")
        waiting.start()
        wait_until(lambda: master.execute(WAITING).fetchone() == (1,), what="the other waits")
    waiting.join()
    put(writer, "b")

    assert second.number() == 1
    assert [(n, key) for n, key, _ in events_of(writer)] == [(1, "a"), (2, "b")]


def test_a_batch_is_the_oldest(
    writer: "Connection", leader: Candidate, master: "Connection"
) -> None:
    """In whatever order they lie in the table: a later version may not come before an earlier."""
    put(writer, "a")
    put(writer, "a")
    master.execute("UPDATE unnumbered_events SET written_at = now() WHERE version = 1")

    leader.number(most=1)

    assert [version for _, _, version in events_of(writer)] == [1]


def test_a_batch_that_breaks_off_is_numbered_by_the_next(
    feed_database: "MigratedDatabase", writer: "Connection", master: "Connection"
) -> None:
    """The leader's session is killed in the middle: nothing is lost and nothing there twice."""
    for key in "abc":
        put(writer, key)
    killed = feed_database.connect("bukken_writer")
    assert Candidate(killed).number() == 3
    master.execute("SELECT pg_terminate_backend(%s, 5000)", [killed.info.backend_pid])
    killed.close()

    assert Candidate(writer).number() == 3
    assert [(n, key) for n, key, _ in events_of(writer)] == [(1, "a"), (2, "b"), (3, "c")]


def test_the_primary_key_is_the_fence(
    writer: "Connection", leader: Candidate, master: "Connection"
) -> None:
    """Whoever believes in an older head is refused, and what was to be numbered waits."""
    put(writer, "a")
    leader.number()
    put(writer, "b")
    falsify(master, "head = 0")

    with pytest.raises(errors.UniqueViolation):
        leader.number()
    assert writer.execute("SELECT listing_key FROM unnumbered_events").fetchall() == [("b",)]


def test_what_was_there_before_the_feed_is_not_in_it(
    empty_database: "MigratedDatabase", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks from the beginning is told to export: 0 is older than what is kept."""
    stopped_before(monkeypatch, "20261122_search_indexes", migrate=empty_database.migrate)
    with empty_database.connect("bukken_writer") as writer:
        put(writer, "a")
    monkeypatch.undo()
    empty_database.migrate()
    with empty_database.connect("bukken_reader") as reader:
        found = reader.execute("SELECT head, forgotten FROM feed").fetchone()

    assert found == (1, 1)


def stopped_before(
    monkeypatch: pytest.MonkeyPatch, revision: str, *, migrate: Callable[[], None]
) -> None:
    """Migrates up to this revision alone."""
    from alembic import command  # noqa: PLC0415 — the real one is called

    upgrade = command.upgrade
    monkeypatch.setattr(command, "upgrade", lambda config, _head: upgrade(config, revision))
    migrate()


def age(master: "Connection", *, days: int, upto: int) -> None:
    """Makes events so old."""
    master.execute(
        "UPDATE events SET numbered_at = now() - make_interval(days => %s) WHERE sequence <= %s",
        [days, upto],
    )


@pytest.mark.parametrize(("days", "left"), [(31, [3, 4]), (29, [1, 2, 3, 4])])
def test_events_are_kept_for_their_time(
    writer: "Connection", leader: Candidate, master: "Connection", days: int, left: list[int]
) -> None:
    """From the first on, so that what is kept has no hole; the feed says up to where."""
    for _ in range(4):
        put(writer, "a")
    leader.number()
    age(master, days=days, upto=2)
    writer.execute("SELECT forget_events(interval '30 days', 1000)")

    assert [n for n, _, _ in events_of(writer)] == left
    assert writer.execute("SELECT forgotten FROM feed").fetchone() == (left[0] - 1,)


def test_a_week_is_kept_whatever_is_asked(
    writer: "Connection", leader: Candidate, master: "Connection"
) -> None:
    """Who has the writer's password cannot make partners miss what happened."""
    put(writer, "a")
    leader.number()
    age(master, days=6, upto=1)

    assert writer.execute("SELECT forget_events(interval '0', 1000)").fetchone() == (0,)
