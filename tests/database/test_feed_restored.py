"""When a feed goes on and when it is another, by what the feed's row and its server say.

That a real dump, a real promotion look so: test_dump_and_restore.py, test_failover.py.
"""

from typing import TYPE_CHECKING

import pytest
from feeding import Candidate, events_of, falsify, feed_id_of, put

if TYPE_CHECKING:
    from feeding import Connection
    from migrated_database import MigratedDatabase

BELOW = "split_part(server, ':', 1) || ':00000000'"
"""The timeline before the first."""
PROMISED = "00000000 00000001"


@pytest.fixture
def begun(writer: "Connection", leader: Candidate) -> Candidate:
    """A leader whose feed has one event, and who has another to number."""
    put(writer, "a")
    leader.number()
    put(writer, "b")
    return leader


def goes_on(writer: "Connection", leader: Candidate, *, seen: int = 0) -> bool:
    """Whether the feed is the same when the leader has numbered; another one's numbers leap."""
    was = feed_id_of(writer)
    leader.number(seen=seen)
    told = events_of(writer)
    is_same = feed_id_of(writer) == was
    assert is_same == (told[-1].sequence < max(seen, 1) + 1_000_000)
    return is_same


def test_the_feed_goes_on_while_its_server_is_the_same(
    writer: "Connection", begun: Candidate
) -> None:
    """Those below are no accident of every call."""
    assert goes_on(writer, begun, seen=1)


def test_what_migrations_made_goes_on(empty_database: "MigratedDatabase") -> None:
    """The first row is the sequencer's own as well."""
    empty_database.migrate()
    with empty_database.connect("bukken_writer") as writer:
        writer.autocommit = True
        put(writer, "a")

        assert goes_on(writer, Candidate(writer))


@pytest.mark.parametrize(
    "assignment",
    [
        pytest.param("server = '1:' || split_part(server, ':', 2)", id="another cluster"),
        pytest.param(f"server = {BELOW}", id="a promoted standby"),
        pytest.param("server = 'unknown'", id="a server that could not be asked"),
    ],
)
def test_data_of_another_server_are_another_feed(
    writer: "Connection", begun: Candidate, master: "Connection", assignment: str
) -> None:
    """Whatever they lack, nobody here knows it."""
    falsify(master, assignment)

    assert not goes_on(writer, begun)


@pytest.mark.parametrize(
    ("promised", "same"),
    [(PROMISED, True), ("00000001 00000002", False), ("00000001", False), ("", False)],
)
def test_who_promoted_it_can_say_that_nothing_is_lost(
    writer: "Connection", begun: Candidate, master: "Connection", promised: str, *, same: bool
) -> None:
    """Of this promotion, and of no other."""
    falsify(master, f"server = {BELOW}")
    writer.execute("SELECT set_config('bukken.nothing_lost_between', %s, false)", [promised])

    assert goes_on(writer, begun) == same


def test_the_promise_is_of_one_cluster(
    writer: "Connection", begun: Candidate, master: "Connection"
) -> None:
    """Another's standby has the same timelines."""
    falsify(master, "server = '1:00000000'")
    writer.execute("SELECT set_config('bukken.nothing_lost_between', %s, false)", [PROMISED])

    assert not goes_on(writer, begun)


def test_a_row_that_was_put_there_is_another_feed(
    writer: "Connection", begun: Candidate, master: "Connection"
) -> None:
    """Restored into the same cluster, or mended by hand: not what the sequencer wrote."""
    master.execute("UPDATE feed SET head = 5")

    assert not goes_on(writer, begun)


def test_a_row_that_was_put_there_is_not_made_ours_by_forgetting(
    writer: "Connection", begun: Candidate, master: "Connection"
) -> None:
    """The sequencer must see it first."""
    master.execute("UPDATE events SET numbered_at = now() - interval '1 year'")
    master.execute("UPDATE feed SET head = 5")
    forgotten = writer.execute("SELECT forget_events(interval '30 days', 10)").fetchone()

    assert forgotten == (0,)
    assert not goes_on(writer, begun)


def test_a_feed_of_which_something_was_forgotten_goes_on(
    writer: "Connection", begun: Candidate, master: "Connection"
) -> None:
    """The negative control of the one above."""
    master.execute("UPDATE events SET numbered_at = now() - interval '1 year'")
    writer.execute("SELECT forget_events(interval '30 days', 10)")

    assert goes_on(writer, begun)


def test_a_head_below_what_was_seen_is_another_feed(writer: "Connection", begun: Candidate) -> None:
    """The leader outlives the server: numbers it was given are gone, so a commit was lost."""
    assert not goes_on(writer, begun, seen=41)


def test_a_leader_with_nothing_to_do_remembers_as_well(
    writer: "Connection", begun: Candidate
) -> None:
    """It would else be told the lower head, and forget."""
    begun.number()
    was = feed_id_of(writer)

    begun.number(seen=41)

    assert feed_id_of(writer) != was


def test_a_leader_with_nothing_to_do_sees_it_as_well(
    writer: "Connection", begun: Candidate, master: "Connection"
) -> None:
    """It does not wait until its lease is to be renewed."""
    begun.number()
    was = feed_id_of(writer)
    master.execute("UPDATE feed SET head = head")

    begun.number()

    assert feed_id_of(writer) != was


def test_the_others_memory_of_the_old_feed_is_no_loss_in_the_new(
    writer: "Connection", another_writer: "Connection", begun: Candidate, master: "Connection"
) -> None:
    """They were given higher numbers before the restore: no second feed when one of them leads."""
    master.execute("UPDATE feed SET head = 1")
    assert not goes_on(writer, begun)
    begun.number(lease="0")
    was = feed_id_of(writer)

    Candidate(another_writer).number(seen=1000)

    assert feed_id_of(writer) == was


def test_truncated_listings_are_another_feed(
    writer: "Connection", begun: Candidate, master: "Connection"
) -> None:
    """TRUNCATE tells no row of its end: partners would keep all that is gone."""
    master.execute("TRUNCATE listings")

    assert not goes_on(writer, begun)
