"""One test per failure class and driver: what really happens is classified as the table says."""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import text

from bukken_database.connections import (
    CONNECT_SECONDS,
    POOL_WAIT_SECONDS,
    reader_engine,
    writer_engine,
)
from bukken_database.failures import Failure, failure_of

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase

    from bukken_database.settings import DatabaseSettings

Run = Callable[..., Exception]
KILL_ME = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = {pid}"


def with_asyncpg(
    settings: "DatabaseSettings", *statements: str, between: Callable[[int], None] | None = None
) -> Exception:
    """What asyncpg through SQLAlchemy raises for the last of the statements."""

    async def run() -> None:
        engine = writer_engine(settings, application="test")
        try:
            async with engine.connect() as connection:
                pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
                if between:
                    between(pid)
                for statement in statements:
                    await connection.execute(text(statement))
        finally:
            await engine.dispose()

    return raised_by(lambda: asyncio.run(run()))


def with_psycopg(
    settings: "DatabaseSettings", *statements: str, between: Callable[[int], None] | None = None
) -> Exception:
    """What psycopg through SQLAlchemy raises for the last of the statements."""

    def run() -> None:
        engine = reader_engine(settings, application="test")
        try:
            with engine.connect() as connection:
                pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
                if between:
                    between(pid)
                for statement in statements:
                    connection.execute(text(statement))
        finally:
            engine.dispose()

    return raised_by(run)


def raised_by(work: Callable[[], Any]) -> Exception:
    """The exception that `work` ends with."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 — it is what the test is about
        return error
    pytest.fail("nothing was raised")


BOTH = pytest.mark.parametrize("run", [with_asyncpg, with_psycopg])


@BOTH
def test_a_killed_backend_is_gone(database: "MigratedDatabase", run: Run) -> None:
    """57P01, or no SQLSTATE at all: the connection is dropped and another tried."""

    def kill(pid: int) -> None:
        with database.connect("bukken_master") as master:
            master.execute(KILL_ME.format(pid=pid))

    error = run(database.settings("bukken_writer"), "SELECT 1", between=kill)

    assert failure_of(error) is Failure.GONE


@BOTH
def test_nobody_listening_is_gone(database: "MigratedDatabase", run: Run) -> None:
    """Connection refused: a raw OSError with asyncpg, an OperationalError with psycopg."""
    nowhere = database.settings("bukken_writer").model_copy(update={"database_port": 9})

    assert failure_of(run(nowhere)) is Failure.GONE


@BOTH
def test_a_server_that_never_answers_is_silent(
    database: "MigratedDatabase", silent_port: int, run: Run
) -> None:
    """The connect time-out ends the wait, long before the drivers' own would."""
    silence = database.settings("bukken_writer").model_copy(
        update={"database_host": "127.0.0.1", "database_port": silent_port}
    )
    began = time.monotonic()

    assert failure_of(run(silence)) is Failure.SILENT
    assert time.monotonic() - began < CONNECT_SECONDS + 2


@BOTH
def test_a_write_on_a_demoted_writer_is_gone(database: "MigratedDatabase", run: Run) -> None:
    """25006 comes on a sound connection, which must be dropped all the same."""
    error = run(
        database.settings("bukken_writer"),
        "SET TRANSACTION READ ONLY",
        "UPDATE bukken.listings SET version = version",
    )

    assert failure_of(error) is Failure.GONE
    assert getattr(error, "connection_invalidated", False)


def test_a_standby_is_refused_as_a_writer_at_birth(database: "MigratedDatabase") -> None:
    """target_session_attrs=read-write: an error of asyncpg's own, without SQLSTATE."""
    error = with_asyncpg(database.settings("bukken_writer", standby=True), "SELECT 1")

    assert failure_of(error) is Failure.GONE


@BOTH
def test_a_rotated_password_is_gone(database: "MigratedDatabase", run: Run) -> None:
    """28P01: the next connection reads the password anew."""
    wrong = database.settings("bukken_writer", password="yesterday's")

    assert failure_of(run(wrong)) is Failure.GONE


@BOTH
def test_a_statement_over_its_time_is_slow(database: "MigratedDatabase", run: Run) -> None:
    """57014: trying again would feed what made it slow."""
    error = run(
        database.settings("bukken_writer"), "SET statement_timeout = 50", "SELECT pg_sleep(5)"
    )

    assert failure_of(error) is Failure.SLOW


@BOTH
def test_a_lock_not_had_in_time_is_slow(database: "MigratedDatabase", run: Run) -> None:
    """55P03: somebody holds the table; a queue behind it helps nobody."""
    with database.connect("bukken_writer") as other:
        other.execute("LOCK bukken.listings")
        error = run(
            database.settings("bukken_writer"),
            "SET default_transaction_read_only = off",
            "COMMIT",
            "SET lock_timeout = 50",
            "SELECT * FROM bukken.listings FOR UPDATE",
        )

    assert failure_of(error) is Failure.SLOW


# SQLSTATEs that are rare to meet, or need a crash: raised by the server all the same.
RAISED: Final = {
    "08006": Failure.GONE,
    "0A000": Failure.CONFLICT,
    "25P03": Failure.GONE,
    "25P04": Failure.GONE,
    "25006": Failure.GONE,
    "28000": Failure.GONE,
    "3D000": Failure.GONE,
    "40001": Failure.CONFLICT,
    "40P01": Failure.CONFLICT,
    "53100": Failure.SLOW,
    "53200": Failure.SLOW,
    "53300": Failure.GONE,
    "55000": Failure.GONE,
    "57P01": Failure.GONE,
    "57P02": Failure.GONE,
    "57P03": Failure.GONE,
    "57P04": Failure.GONE,
    "57P05": Failure.GONE,
    "58030": Failure.SLOW,
    "22012": None,
    "23505": None,
}


@BOTH
@pytest.mark.parametrize("state", RAISED)
def test_a_sqlstate_means_what_the_table_says(
    database: "MigratedDatabase", run: Run, state: str
) -> None:
    """The same with both drivers; what is in no row is our own mistake."""
    refuse = f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$"

    assert failure_of(run(database.settings("bukken_writer"), refuse)) is RAISED[state]


@BOTH
def test_a_mistake_of_ours_is_none_of_these(database: "MigratedDatabase", run: Run) -> None:
    """A wrong statement is a 500 and a log entry, not an outage."""
    error = run(database.settings("bukken_writer"), "SELECT no_such_column FROM bukken.listings")

    assert failure_of(error) is None


def test_a_pool_without_a_free_connection_is_slow(database: "MigratedDatabase") -> None:
    """Waiting for the pool has an end, long before SQLAlchemy's own 30 s."""
    settings = database.settings("bukken_reader").model_copy(update={"database_pool_size": 1})
    engine = reader_engine(settings, application="test")
    with engine.connect():
        began = time.monotonic()
        error = raised_by(engine.connect)
        waited = time.monotonic() - began
    engine.dispose()

    assert failure_of(error) is Failure.SLOW
    assert waited < POOL_WAIT_SECONDS + 2
