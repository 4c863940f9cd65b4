"""How long a unit of work may wait: for its next attempt, and for a server that says nothing."""

import asyncio
import math
import time
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from bukken_contract.problems import DatabaseUnavailable
from bukken_database.connections import DEADLINE, reader_engine, writer_engine
from bukken_database.sessions import (
    ReadDatabase,
    ReadSession,
    WriteDatabase,
    WriteSession,
    seconds_left,
    within,
)

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase
    from postgres_servers import Servers

PID = select(func.pg_backend_pid().label("pid"))


async def pid_of(session: WriteSession) -> int:
    """The process that answers this session."""
    row = await session.row(PID)
    assert row
    return int(row["pid"])


def test_between_two_attempts_is_a_pause_that_is_never_the_same(
    database: "MigratedDatabase", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that lost the same server must not all come back at the same moment."""
    nowhere = database.settings("bukken_writer").model_copy(update={"database_port": 9})
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", wait)
    writing = WriteDatabase(writer_engine(nowhere, application="test"))
    for _ in range(5):
        with pytest.raises(DatabaseUnavailable):
            asyncio.run(writing.run(pid_of))
    monkeypatch.setattr(time, "sleep", waited.append)
    reading = ReadDatabase(reader_engine(nowhere, application="test"))
    for _ in range(5):
        with pytest.raises(DatabaseUnavailable):
            reading.run(lambda session: session.row(PID))
    reading.close()

    assert [0.025 <= first <= 0.075 for first in waited[::2]] == 10 * [True]
    assert [0.125 <= second <= 0.375 for second in waited[1::2]] == 10 * [True]
    assert len(set(waited)) == 20


def test_who_gives_up_a_silent_server_is_free_at_once(
    database: "MigratedDatabase", servers: "Servers"
) -> None:
    """A request that has had its time does not wait for a hung server's goodbye as well."""

    async def run() -> float:
        writing = WriteDatabase(
            writer_engine(database.settings("bukken_writer"), application="test")
        )
        with servers.silenced(await writing.run(pid_of)):
            began = time.monotonic()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await writing.run(pid_of)
            took = time.monotonic() - began
        await writing.close()
        return took

    assert 0.5 <= asyncio.run(run()) < 1.5


def test_no_wait_lasts_beyond_the_request(database: "MigratedDatabase", servers: "Servers") -> None:
    """A reader's thread that asks a hung server comes back when the request must be answered."""
    engine = reader_engine(database.settings("bukken_reader"), application="test")
    reading = ReadDatabase(engine, request_seconds=0.5)

    def ask_a_hung_one(session: ReadSession) -> object:
        row = session.row(PID)
        assert row
        with servers.silenced(row["pid"]):
            return session.row(PID)

    began = time.monotonic()
    with pytest.raises(DatabaseUnavailable):
        reading.run(ask_a_hung_one)
    took = time.monotonic() - began
    reading.close()

    assert took < 3
    assert DEADLINE.get() == math.inf  # and whatever this thread does next has its own time


def test_what_is_asked_within_a_request_ends_with_it() -> None:
    """A second question has what the first has left of the time, not all of it again."""
    with within(1), within(12):
        left = seconds_left()

    assert left <= 1
    assert seconds_left() == math.inf
