"""The feed's guarantee under any order of writes, commits, rollbacks, kills and numbering."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest
from feeding import FORGET, Candidate, Connection, Event, events_of, put, remove
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from properties import examples

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase

WRITERS: Final = range(3)
CANDIDATES: Final = range(2)
WRITER: Final = st.sampled_from(WRITERS)
CANDIDATE: Final = st.sampled_from(CANDIDATES)
KEY: Final = st.sampled_from("abc")


class Row(NamedTuple):
    """A listing as the feed sees it."""

    version: int
    visible: bool


class Sessions:
    """The connections that all examples use."""

    def __init__(self, database: "MigratedDatabase") -> None:
        self._database = database
        self._open = ExitStack()
        self.writers = [self._new() for _ in WRITERS]
        self.candidates = [self._new() for _ in CANDIDATES]
        self.reader = self._new()

    def _new(self) -> Connection:
        connection = self._open.enter_context(self._database.connect("bukken_writer"))
        connection.execute("SET lock_timeout = '2s'")  # a mistake of this test's shall not hang
        connection.execute("SET synchronous_commit = off")  # what is durable is not asked here
        connection.commit()
        return connection

    def begin_anew(self) -> None:
        """Forgets all that was written and numbered."""
        for connection in (*self.writers, *self.candidates):
            connection.rollback()
        with self._database.connect("bukken_master") as master:
            master.execute("SET search_path = bukken")
            master.execute(FORGET)

    def killed(self, number: int) -> None:
        """The writer's session ends in the middle of what it does; another takes its place."""
        pid = self.writers[number].info.backend_pid
        with self._database.connect("bukken_master") as master:
            master.execute("SELECT pg_terminate_backend(%s)", [pid])
        self.writers[number].close()
        self.writers[number] = self._new()

    def close(self) -> None:
        """Leaves none."""
        self._open.close()


@pytest.fixture
def sessions(feed_database: "MigratedDatabase") -> Iterator[Sessions]:
    """Connections to the feed's own database."""
    made = Sessions(feed_database)
    yield made
    made.close()


class FeedHistories(RuleBasedStateMachine):
    """Writers with open transactions, two who number, and a reader who has seen up to a number."""

    sessions: Sessions

    def __init__(self) -> None:
        super().__init__()
        self.sessions.begin_anew()
        self._stored: dict[str, Row] = {}
        self._written: list[dict[str, Row]] = [{} for _ in WRITERS]
        self._events: list[list[tuple[str, int]]] = [[] for _ in WRITERS]
        self._committed: dict[str, list[int]] = {key: [] for key in "abc"}
        self._candidates = [Candidate(connection) for connection in self.sessions.candidates]
        self._in_mid_batch: int | None = None
        self._seen: list[Event] = []

    @rule(number=WRITER, key=KEY, how=st.sampled_from(["Active", "Active", "Incomplete", None]))
    def write(self, number: int, key: str, how: str | None) -> None:
        """Puts a listing that is visible or not, or removes it; None: removed."""
        if any(key in written for n, written in enumerate(self._written) if n != number):
            return  # it would wait for the other's end
        writer, was = self.sessions.writers[number], self._row(number, key)
        remove(writer, key) if how is None else put(writer, key, status=how)
        if how is None and was is None:
            return
        now = Row((was.version if was else 0) + 1, visible=how == "Active")
        self._written[number][key] = now
        if now.visible or (was and was.visible):
            self._events[number].append((key, now.version))

    def _row(self, number: int, key: str) -> Row | None:
        return self._written[number].get(key) or self._stored.get(key)

    @rule(number=WRITER)
    def commit(self, number: int) -> None:
        """What it wrote is there, all of it at once."""
        self.sessions.writers[number].commit()
        self._stored |= self._written[number]
        for key, version in self._events[number]:
            self._committed[key].append(version)
        self._forget(number)

    @rule(number=WRITER)
    def roll_back(self, number: int) -> None:
        """It never was."""
        self.sessions.writers[number].rollback()
        self._forget(number)

    @rule(number=WRITER)
    def kill(self, number: int) -> None:
        """The same, without a word."""
        self.sessions.killed(number)
        self._forget(number)

    def _forget(self, number: int) -> None:
        self._written[number], self._events[number] = {}, []

    @precondition(lambda self: self._in_mid_batch is None)
    @rule(number=CANDIDATE, most=st.sampled_from([1, 2, 1000]), lease=st.sampled_from(["0", "1 h"]))
    def number_some(self, number: int, most: int, lease: str) -> None:
        """One of the two numbers, unless the other leads; its own commit is yet to come."""
        self._candidates[number].number(most=most, lease=lease)
        self._in_mid_batch = number

    @precondition(lambda self: self._in_mid_batch is not None)
    @rule(committed=st.sampled_from([True, True, False]))
    def end_the_batch(self, committed: bool) -> None:  # noqa: FBT001 — Hypothesis gives it by name
        """What was numbered is to be seen, or was never numbered."""
        assert self._in_mid_batch is not None
        connection = self.sessions.candidates[self._in_mid_batch]
        (connection.commit if committed else connection.rollback)()
        self._in_mid_batch = None

    @invariant()
    def no_number_appears_below_one_that_was_seen(self) -> None:
        """Once a reader has seen N, all up to N is as it was."""
        there = events_of(self.sessions.reader)
        self.sessions.reader.commit()

        assert there[: len(self._seen)] == self._seen
        self._seen = there

    def teardown(self) -> None:
        """All end what they do; then all that was committed has its number, in its order."""
        if self._in_mid_batch is not None:
            self.end_the_batch(committed=True)
        for number in WRITERS:
            self.commit(number)
        while any(self._numbered_by(number) for number in CANDIDATES):
            pass
        self.no_number_appears_below_one_that_was_seen()
        assert versions_of(self._seen) == {k: v for k, v in self._committed.items() if v}

    def _numbered_by(self, number: int) -> int:
        numbered = self._candidates[number].number(lease="0")
        self.sessions.candidates[number].commit()
        return numbered or 0


def versions_of(events: list[Event]) -> Mapping[str, list[int]]:
    """Of each listing, in the order of the numbers."""
    found: dict[str, list[int]] = {}
    for event in events:
        found.setdefault(event.key, []).append(event.version)
    return found


def test_the_feed_keeps_its_guarantee_in_any_history(sessions: Sessions) -> None:
    """Complete, in each listing's order, and nothing ever appears below what was seen."""

    class OnTheseSessions(FeedHistories):
        pass

    OnTheseSessions.sessions = sessions

    run_state_machine_as_test(OnTheseSessions, settings=examples(40, steps=25))
