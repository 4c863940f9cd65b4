import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from feed_writers import Writers
from feeding import Event, events_of, put
from flask.testing import FlaskClient
from following import Follower, following, table_of
from running_command_api import RunningCommandApi
from waiting import wait_until

from bukken_local.database.endpoint import Address

if TYPE_CHECKING:
    from feeding import Connection
    from migrated_database import MigratedDatabase

StartSequencer = Callable[[], RunningCommandApi]


@pytest.fixture
def start_sequencer(
    feed_database: "MigratedDatabase", free_address: Callable[[], Address], tmp_path: Path
) -> Iterator[StartSequencer]:
    """A function that starts a command-api on the feed's database; the end kills it."""
    environment = feed_database.environment("bukken_writer")
    environment["BUKKEN_ENVOY_ADMIN_URL"] = "http://127.0.0.1:1"
    with ExitStack() as stack:

        def start() -> RunningCommandApi:
            address = free_address()
            log = tmp_path / f"log-{address.port}"
            running = RunningCommandApi(address, environment=environment, log=log)
            stack.callback(running.kill)
            return running.until_ready()

        yield start


def until_all_is_numbered(master: "Connection") -> list[Event]:
    """The events, once none waits."""
    wait_until(
        lambda: master.execute("SELECT FROM unnumbered_events").fetchone() is None,
        what="all is numbered",
    )
    return events_of(master)


def kill_sessions(master: "Connection") -> int:
    """Ends the sessions of all sequencers; how many there were."""
    rows = master.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'command-api-feed' AND datname = current_database()"
    )
    return len(rows.fetchall())


def test_who_follows_misses_nothing_whatever_happens(
    feed_database: "MigratedDatabase",
    master: "Connection",
    follower: FlaskClient,
    start_sequencer: StartSequencer,
) -> None:
    """Slow, undone and killed writers, killed leaders, an open transaction, a standby: all of it.

    The follower asks as often as it can. In the end it has seen every number there is, in order,
    and its copy is the table. It takes 8 s, beside a transaction that is open all the time.
    """
    partner, writers = Follower(follower), Writers(feed_database, seed=5)
    pods = [start_sequencer(), start_sequencer()]
    with (
        following(partner),
        feed_database.connect("bukken_writer") as idle,
        writers.writing(threads=8),
    ):
        put(idle, "open all the time")
        for victim in (*pods, None, None):
            time.sleep(1.5)  # not to wait for something: to let them write
            if victim:
                victim.kill()
                start_sequencer()
            else:
                assert kill_sessions(master) > 0
        idle.rollback()
    there = until_all_is_numbered(master)
    with following(partner):
        wait_until(lambda: partner.after == there[-1].sequence, what="the follower has the last")

    print(
        f"{writers.committed} committed, {writers.rolled_back} not, {writers.killed} killed; ",
        end="",
    )
    print(f"{len(there)} events")
    assert partner.numbers == [event.sequence for event in there]
    assert partner.copy == table_of(feed_database)
    assert min(writers.killed, writers.rolled_back) > 0
    assert versions_rise(there)


def versions_rise(events: list[Event]) -> bool:
    """Of each listing."""
    last: dict[str, int] = {}
    for _, key, version in events:
        if version <= last.get(key, 0):
            return False
        last[key] = version
    return True
