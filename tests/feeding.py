"""Writes, numbers and reads of the change feed by plain SQL, and a database of its own for them."""

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import psycopg
import pytest
from migrated_database import PASSWORDS, MigratedDatabase

Connection = psycopg.Connection[Any]

PUT = """
INSERT INTO listings AS l (listing_key, version, original_entry_timestamp, modification_timestamp,
    ever_visible, standard_status, property_type)
VALUES (%s, 1, now(), now(), true, %s, 'Residential')
ON CONFLICT (listing_key) DO UPDATE
    SET version = l.version + 1, standard_status = excluded.standard_status, removed_at = NULL
"""
REMOVE = """
UPDATE listings SET version = version + 1, removed_at = now(), standard_status = NULL
WHERE listing_key = %s
"""


class Event(NamedTuple):
    """A numbered one."""

    sequence: int
    key: str
    version: int


def put(writer: Connection, key: str, *, status: str = "Active") -> None:
    """Makes a listing or its next version, in the connection's transaction."""
    writer.execute(PUT, [key, status])


def remove(writer: Connection, key: str) -> None:
    """Leaves a tombstone."""
    writer.execute(REMOVE, [key])


class Candidate:
    """One who numbers by hand; a Pod's sequencer calls the same function."""

    def __init__(self, writer: Connection) -> None:
        self._writer = writer
        self.name = uuid4()

    def number(self, *, seen: int = 0, most: int = 1000, lease: str = "1 min") -> int | None:
        """How many it numbered, in the connection's transaction; None where another leads."""
        call = "SELECT numbered FROM number_events(%s, %s, %s, %s::interval)"
        row = self._writer.execute(call, [self.name, seen, most, lease]).fetchone()
        assert row
        numbered: int | None = row[0]
        return numbered


def events_of(reader: Connection, *, after: int = 0) -> list[Event]:
    """All that are numbered, in their order."""
    rows = reader.execute(
        "SELECT sequence, listing_key, version FROM events WHERE sequence > %s ORDER BY 1", [after]
    )
    return [Event(*row) for row in rows]


def feed_id_of(reader: Connection) -> UUID:
    """The feed's."""
    row = reader.execute("SELECT feed_id FROM feed").fetchone()
    assert row
    found: UUID = row[0]
    return found


def falsify(master: Connection, assignment: str) -> None:
    """Changes the feed's row as if the sequencer had written it so."""
    changed = f"{assignment}, written_by = own_transaction()"
    master.execute(f"UPDATE feed SET {changed}")  # noqa: S608 — a test's own words


FORGET = """
TRUNCATE listings, unnumbered_events, events, inquiries;
UPDATE feed SET head = 0, forgotten = 0, inquiries_forgotten = 0, server = server_identity(),
    written_by = own_transaction(), led_at = to_timestamp(0), led_until = to_timestamp(0)
"""


@pytest.fixture(scope="session")
def _feed_database(database: MigratedDatabase) -> Iterator[MigratedDatabase]:
    """Made once; bootstrap and migrations take a second."""
    made = database.sibling("feed")
    made.bootstrap(passwords=PASSWORDS)
    made.migrate()
    yield made
    made.drop()


@pytest.fixture
def feed_database(_feed_database: MigratedDatabase) -> MigratedDatabase:
    """A database without a listing, in which nobody numbers."""
    with _feed_database.connect("bukken_master") as master:
        master.execute("SET search_path = bukken")
        master.execute(FORGET)
    return _feed_database


@pytest.fixture
def writer(feed_database: MigratedDatabase) -> Iterator[Connection]:
    """Its writer; each statement is a transaction unless the test begins one."""
    with feed_database.connect("bukken_writer") as connection:
        connection.autocommit = True
        yield connection


@pytest.fixture
def another_writer(feed_database: MigratedDatabase) -> Iterator[Connection]:
    """Another session of the writer."""
    with feed_database.connect("bukken_writer") as connection:
        connection.autocommit = True
        yield connection


@pytest.fixture
def master(feed_database: MigratedDatabase) -> Iterator[Connection]:
    """Who may do anything."""
    with feed_database.connect("bukken_master") as connection:
        connection.autocommit = True
        connection.execute("SET search_path = bukken")
        yield connection


@pytest.fixture
def leader(writer: Connection) -> Candidate:
    """One who leads."""
    made = Candidate(writer)
    made.number()
    return made
