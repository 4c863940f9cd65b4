"""A connection is asked for a sign of life when it is taken out of the pool."""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, event, func, select
from sqlalchemy.pool import QueuePool

from bukken_contract.problems import DatabaseUnavailable
from bukken_database.connections import CONNECT_SECONDS, reader_engine, writer_engine
from bukken_database.pings import PING_SECONDS, ask_when_taken_out
from bukken_database.sessions import ReadDatabase, ReadSession, WriteDatabase, WriteSession

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase
    from postgres_servers import Servers

PID = select(func.pg_backend_pid().label("pid"))
Ask = Callable[["MigratedDatabase", Callable[[int], None]], int]


async def written_by(session: WriteSession) -> int:
    """The process that answers this session."""
    row = await session.row(PID)
    assert row
    return int(row["pid"])


def read_by(session: ReadSession) -> int:
    """The same of a session that reads."""
    row = session.row(PID)
    assert row
    return int(row["pid"])


def with_asyncpg(database: "MigratedDatabase", between: Callable[[int], None]) -> int:
    """Who answers the second unit of work, after something was done to who answered the first."""

    async def run() -> int:
        writing = WriteDatabase(
            writer_engine(database.settings("bukken_writer"), application="test")
        )
        between(await writing.run(written_by))
        try:
            return await writing.run(written_by)
        finally:
            await writing.close()

    return asyncio.run(run())


def with_psycopg(database: "MigratedDatabase", between: Callable[[int], None]) -> int:
    """The same on the reader's side."""
    reading = ReadDatabase(reader_engine(database.settings("bukken_reader"), application="test"))
    between(reading.run(read_by))
    try:
        return reading.run(read_by)
    finally:
        reading.close()


BOTH = pytest.mark.parametrize("ask", [with_asyncpg, with_psycopg])


@BOTH
def test_a_connection_that_lives_is_used_again(database: "MigratedDatabase", ask: Ask) -> None:
    """The twin of the two below: nothing is made anew without a reason."""
    first: list[int] = []

    assert ask(database, first.append) == first[0]


@BOTH
def test_one_that_is_dead_is_replaced(database: "MigratedDatabase", ask: Ask) -> None:
    """Its next user notices nothing, not even a second attempt."""
    killed: list[int] = []

    def kill(pid: int) -> None:
        killed.append(pid)
        with database.connect("bukken_master") as master:
            master.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    assert ask(database, kill) != killed[0]


@BOTH
def test_one_that_says_nothing_is_replaced_within_its_second(
    database: "MigratedDatabase", servers: "Servers", ask: Ask
) -> None:
    """A statement's patience is 6 s, and there may be ten of its kind in the pool."""
    began: list[float] = []
    hanging = []

    def silence(pid: int) -> None:
        silenced = servers.silenced(pid)
        silenced.__enter__()
        hanging.append((pid, silenced))
        began.append(time.monotonic())

    answered_by = ask(database, silence)
    took = time.monotonic() - began[0]
    ((pid, silenced),) = hanging
    silenced.__exit__(None, None, None)

    assert answered_by != pid
    assert PING_SECONDS * 0.9 <= took < PING_SECONDS + 2


def test_a_new_connection_is_not_asked() -> None:
    """It has just answered; and where two in a row fail, SQLAlchemy raises what would be a 500."""
    engine = create_engine("sqlite://", poolclass=QueuePool)
    asked: list[object] = []
    ask_when_taken_out(engine, ping=asked.append)
    counts = []
    for _ in range(3):
        with engine.connect():
            counts.append(len(asked))
    engine.dispose()

    assert counts == [0, 1, 2]


def test_what_was_waited_for_is_not_tried_again(
    database: "MigratedDatabase", silent_port: int
) -> None:
    """A write on a server that hangs costs one connection's time and not three."""
    silence = database.settings("bukken_writer").model_copy(
        update={"database_host": "127.0.0.1", "database_port": silent_port}
    )
    engine = writer_engine(silence, application="test")
    tries: list[int] = []
    event.listen(engine.sync_engine, "do_connect", lambda *_: tries.append(1))
    began = time.monotonic()

    with pytest.raises(DatabaseUnavailable, match="in time"):
        asyncio.run(WriteDatabase(engine).run(written_by))

    assert tries == [1]
    assert time.monotonic() - began < CONNECT_SECONDS + 1.5
