from typing import TYPE_CHECKING, Any

import pytest
from feeding import Candidate, events_of, falsify, feed_id_of, put
from inquiring import keep
from psycopg import errors

if TYPE_CHECKING:
    from feeding import Connection
    from migrated_database import MigratedDatabase


def numbers_of(reader: "Connection") -> dict[str, int | None]:
    """The number of each inquiry."""
    rows = reader.execute("SELECT inquiry_key, number FROM bukken.inquiries ORDER BY number")
    return dict(rows)


def number(candidate: Candidate, writer: "Connection", *, seen: int = 0, most: int = 1000) -> Any:  # noqa: ANN401 — a row
    """How many inquiries the candidate numbered, and the last number then."""
    question = "SELECT numbered, last FROM number_inquiries(%s, %s, %s)"
    return writer.execute(question, [candidate.name, seen, most]).fetchone()


def test_events_and_inquiries_have_one_counter(writer: "Connection", leader: Candidate) -> None:
    """What is done for lost and restored numbers is done for both; gaps mean nothing."""
    put(writer, "a")
    leader.number()
    keep(writer, "first")
    keep(writer, "second")

    assert number(leader, writer, seen=1) == (2, 3)
    put(writer, "b")
    leader.number(seen=3)
    assert numbers_of(writer) == {"first": 2, "second": 3}
    assert [event.sequence for event in events_of(writer)] == [1, 4]


def test_a_slow_inquiry_gets_its_number_when_it_commits(
    writer: "Connection", another_writer: "Connection", leader: Candidate
) -> None:
    """It came first and commits last: no number appears below one that was seen."""
    with another_writer.transaction():
        keep(another_writer, "a-slow")
        keep(writer, "b-quick")
        number(leader, writer)
        seen = numbers_of(writer)
    number(leader, writer)

    assert seen == {"b-quick": 1}
    assert numbers_of(writer) == {"b-quick": 1, "a-slow": 2}


def test_one_that_somebody_holds_keeps_nobody_waiting(
    writer: "Connection", another_writer: "Connection", leader: Candidate
) -> None:
    """The change feed is numbered in the same statement: a forgotten lock must not stop it."""
    keep(writer, "a-held")
    keep(writer, "b-free")
    writer.execute("SET lock_timeout = '1s'")
    with another_writer.transaction():
        another_writer.execute("UPDATE inquiries SET attempts = 1 WHERE inquiry_key = 'a-held'")
        number(leader, writer)
    number(leader, writer)

    assert numbers_of(writer) == {"b-free": 1, "a-held": 2}


def test_who_does_not_lead_numbers_nothing(
    writer: "Connection", another_writer: "Connection", leader: Candidate
) -> None:
    """Nor does one whose lease is over."""
    keep(writer, "a")
    other = Candidate(another_writer)

    assert number(other, another_writer) == (0, 0)
    leader.number(lease="0")
    assert number(leader, writer) == (0, 0)
    assert numbers_of(writer) == {"a": None}


@pytest.mark.parametrize("wrong", ["server = 'another:1'", "head = 0"])
def test_where_the_feed_has_to_begin_anew_it_does_so_first(
    wrong: str, writer: "Connection", master: "Connection", leader: Candidate
) -> None:
    """A number is never given twice: not on another server, nor after numbers were lost."""
    put(writer, "a")
    leader.number()
    before = feed_id_of(writer)
    falsify(master, wrong)
    keep(writer, "a")

    assert number(leader, writer, seen=1) == (0, 1)
    put(writer, "b")
    leader.number(seen=1)
    number(leader, writer, seen=1)
    assert feed_id_of(writer) != before
    assert (numbers_of(writer)["a"] or 0) > 1_000_000


def test_a_restored_row_gives_no_number(
    writer: "Connection", master: "Connection", leader: Candidate
) -> None:
    """Before the sequencer has seen that it was restored."""
    keep(writer, "a")
    master.execute("UPDATE feed SET head = head")  # somebody else's hand

    assert number(leader, writer) == (0, 0)


OLDER = """
UPDATE bukken.inquiries SET received_at = now() - %s::interval, numbered_at = now() - %s::interval,
    state = %s, delivered_at = CASE %s WHEN 'delivered' THEN now() END,
    parked_at = CASE %s WHEN 'parked' THEN now() END
WHERE inquiry_key = %s
"""


def older(master: "Connection", key: str, *, days: int, state: str = "delivered") -> None:
    """Makes an inquiry so old, and so far."""
    age = f"{days} days"
    master.execute(OLDER, [age, age, state, state, state, key])


def forget(writer: "Connection", *, days: int = 30, most: int = 1000) -> int:
    """How many persons were forgotten."""
    question = "SELECT forgotten FROM forget_inquiries(make_interval(days => %s), %s)"
    row = writer.execute(question, [days, most]).fetchone()
    assert row
    forgotten: int = row[0]
    return forgotten


@pytest.mark.parametrize(
    ("state", "then"), [("delivered", "delivered"), ("parked", "erased"), ("pending", None)]
)
def test_the_person_of_an_old_inquiry_is_forgotten(
    state: str, then: str | None, writer: "Connection", master: "Connection", leader: Candidate
) -> None:
    """Delivered or given up; one that still waits keeps its person, however old it is."""
    keep(writer, "old")
    number(leader, writer)
    older(master, "old", days=31, state=state)
    forgotten = forget(writer)
    row = writer.execute(
        "SELECT state, num_nonnulls(name, email, phone, message, request_digest), "
        "person_removed_because, listing_key FROM inquiries"
    ).fetchone()

    assert forgotten == (1 if then else 0)
    assert row == ((then, 0, "retention", "a") if then else ("pending", 5, None, "a"))


def test_a_younger_one_is_kept(
    writer: "Connection", master: "Connection", leader: Candidate
) -> None:
    """And never for less than a week, whatever is asked for."""
    keep(writer, "young")
    number(leader, writer)
    older(master, "young", days=6)

    assert (forget(writer), forget(writer, days=0)) == (0, 0)


def test_old_numbers_are_forgotten_in_their_order(
    writer: "Connection", master: "Connection", leader: Candidate
) -> None:
    """So that what is kept has no hole; the feed's row still looks like our own."""
    for key in ("a", "b", "c"):
        keep(writer, key)
    number(leader, writer)
    older(master, "a", days=31)
    older(master, "c", days=31)
    forget(writer)
    row = writer.execute("SELECT inquiries_forgotten, forgotten FROM feed").fetchone()
    before = feed_id_of(writer)
    leader.number()

    assert row == (1, 0)
    assert feed_id_of(writer) == before


def test_many_are_forgotten_some_at_a_time(
    writer: "Connection", another_writer: "Connection", master: "Connection", leader: Candidate
) -> None:
    """Two Pods at once take other rows, and neither waits."""
    for key in ("a", "b", "c"):
        keep(writer, key)
    number(leader, writer)
    master.execute("UPDATE inquiries SET received_at = now() - interval '31 days'")
    master.execute("UPDATE inquiries SET state = 'delivered', delivered_at = now()")
    another_writer.execute("SET lock_timeout = '1s'")
    with writer.transaction():
        first = forget(writer, most=2)
        second = forget(another_writer, most=2)

    assert (first, second) == (2, 1)


REFUSED = {
    "give a number": "UPDATE inquiries SET number = 1",
    "take it to another": "UPDATE inquiries SET poster = 'me'",
    "delete": "DELETE FROM inquiries",
    "turn time back": "UPDATE inquiries SET received_at = now()",
}


@pytest.mark.parametrize("write", REFUSED)
def test_what_was_accepted_cannot_be_taken_back(write: str, writer: "Connection") -> None:
    """By whoever has the writer's password."""
    with pytest.raises(errors.InsufficientPrivilege):
        writer.execute(REFUSED[write])


@pytest.mark.parametrize("column", ["idempotency_key", "request_digest", "claimed_by"])
def test_the_reader_sees_what_it_answers_with_and_no_more(
    column: str, feed_database: "MigratedDatabase"
) -> None:
    """The digest is of the person's words: whoever guesses them could see that they were said."""
    with (
        feed_database.connect("bukken_reader") as reader,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        reader.execute(f"SELECT {column} FROM inquiries")  # noqa: S608 — a column's name


IMPOSSIBLE = {
    "an answer of the back end": "last_result = 'Dear Taro, we cannot'",
    "a state nobody knows": "state = 'lost'",
    "erased, and the person there": "state = 'erased'",
    "half a person": "name = NULL",
    "delivered at no time": "state = 'delivered'",
    "parked at no time": "state = 'parked'",
}


@pytest.mark.parametrize("row", IMPOSSIBLE)
def test_a_row_cannot_say(row: str, writer: "Connection") -> None:
    """What no release may write, however wrong it is."""
    keep(writer, "a")
    with pytest.raises(errors.CheckViolation):
        writer.execute(f"UPDATE inquiries SET {IMPOSSIBLE[row]}")  # noqa: S608 — a test's own words
