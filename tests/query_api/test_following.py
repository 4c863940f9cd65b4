from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from feed_writers import Writers
from feeding import Event, put
from flask.testing import FlaskClient
from following import (
    Exporter,
    Follower,
    StartSequencer,
    following,
    table_of,
    until_all_is_numbered,
)
from waiting import wait_until

from bukken_database.sessions import ReadSession

if TYPE_CHECKING:
    from feeding import Connection
    from migrated_database import MigratedDatabase
    from sqlalchemy import RowMapping, Select


def kill_sessions(master: "Connection") -> int:
    """Ends the sessions of all sequencers; how many there were."""
    rows = master.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'command-api-feed' AND datname = current_database()"
    )
    return len(rows.fetchall())


def have_written(writers: Writers, *, more: int) -> Callable[[], bool]:
    """Whether they have committed so many more than now."""
    enough = writers.committed + more
    return lambda: writers.committed >= enough


def test_who_follows_misses_nothing_whatever_happens(
    feed_database: "MigratedDatabase",
    master: "Connection",
    follower: FlaskClient,
    start_sequencer: StartSequencer,
) -> None:
    """Slow, undone and killed writers, killed leaders, an open transaction, a standby: all of it.

    The follower asks as often as it can. In the end it has seen every number there is, in order,
    and its copy is the table. It goes on beside a transaction that is open all the time.
    """
    partner, writers = Follower(follower), Writers(feed_database, seed=5)
    pods = [start_sequencer(feed_database), start_sequencer(feed_database)]
    with (
        following(partner),
        feed_database.connect("bukken_writer") as idle,
        writers.writing(threads=8),
    ):
        idle.execute("SET idle_in_transaction_session_timeout = 0")  # starting Pods takes its time
        put(idle, "open all the time")
        for victim in (*pods, None, None):
            wait_until(have_written(writers, more=200), what="all go on writing")
            if victim:
                victim.kill()
                start_sequencer(feed_database)
            else:
                assert kill_sessions(master) > 0
        idle.rollback()
    there = until_all_is_numbered(master)
    with following(partner):
        wait_until(lambda: partner.after == there[-1].sequence, what="the follower has the last")

    assert partner.numbers == [event.sequence for event in there]
    assert partner.copy == table_of(feed_database)
    assert min(writers.killed, writers.rolled_back) > 0
    assert versions_rise(there)


def test_an_export_and_the_changes_after_it_are_the_table(
    feed_database: "MigratedDatabase",
    master: "Connection",
    follower: FlaskClient,
    start_sequencer: StartSequencer,
) -> None:
    """While writers write; one page breaks off, one meets a cancelled query on the standby."""
    start_sequencer(feed_database)
    writers = Writers(feed_database, seed=7)
    exporter, partner = Exporter(follower, limit=3), Follower(follower)
    with writers.writing(threads=4):
        wait_until(lambda: writers.committed > 100, what="there is something to export")
        while not exporter.is_complete:
            broken = 1 if exporter.pages == 1 and "next" in exporter.last else None
            if broken:
                exporter.page(broken_after=broken)
            if exporter.pages == 2:
                with cancelled_once() as was_cancelled:
                    exporter.page()
                assert was_cancelled()
            else:
                exporter.page()
    there = until_all_is_numbered(master)
    begun, feed_id = exporter.last["EntityEventSequence"], exporter.last["FeedId"]
    partner.start_at(after=begun, feed_id=feed_id, copy=exporter.copy)
    with following(partner):
        wait_until(lambda: partner.after == there[-1].sequence, what="the partner has the last")

    assert (exporter.pages > 3, begun > 0, len(partner.numbers) > 0) == (True, True, True)
    assert partner.copy == table_of(feed_database)


@contextmanager
def cancelled_once() -> Iterator[Callable[[], bool]]:
    """The first query of the reader in this time is cancelled, as replay does it: 40001.

    The error is raised by the server: no conflict can be had at will in so short a time.
    """
    cancelled: list[bool] = []
    execute = ReadSession.rows

    def cancel(
        session: ReadSession, query: "Select[Any]", **values: "dict[str, Any]"
    ) -> "Sequence[RowMapping]":
        if not cancelled:
            cancelled.append(True)
            session._connection.exec_driver_sql(  # noqa: SLF001 — to harm it
                "DO $$ BEGIN RAISE serialization_failure; END $$"
            )
        return execute(session, query, **values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ReadSession, "rows", cancel)
        yield lambda: bool(cancelled)


def versions_rise(events: list[Event]) -> bool:
    """Of each listing."""
    last: dict[str, int] = {}
    for _, key, version in events:
        if version <= last.get(key, 0):
            return False
        last[key] = version
    return True
