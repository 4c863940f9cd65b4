import asyncio
import socket
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from bukken_contract.settings import ProcessSettings
from bukken_database import connections
from bukken_database.connections import reader_engine, writer_engine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from migrated_database import MigratedDatabase
    from sqlalchemy.ext.asyncio import AsyncConnection

    from bukken_database.settings import DatabaseSettings


def ask_writer(settings: "DatabaseSettings", statement: str) -> Any:  # noqa: ANN401 — any value
    """One value over a new writer connection."""

    async def ask(connection: "AsyncConnection") -> Any:  # noqa: ANN401 — any value
        return (await connection.execute(text(statement))).scalar()

    return on_writer(settings, ask)


def on_writer(settings: "DatabaseSettings", work: "Callable[..., Any]") -> Any:  # noqa: ANN401 — any value
    """What `work` makes of a new writer connection."""

    async def run() -> Any:  # noqa: ANN401 — any value
        engine = writer_engine(settings, application="test")
        try:
            async with engine.connect() as connection:
                return await work(connection)
        finally:
            await engine.dispose()

    return asyncio.run(run())


def ask_reader(settings: "DatabaseSettings", statement: str) -> Any:  # noqa: ANN401 — any value
    """One value over a new reader connection."""
    engine = reader_engine(settings, application="test")
    with engine.connect() as connection:
        found = connection.execute(text(statement)).scalar()
    engine.dispose()
    return found


def test_both_sides_have_time_outs(database: "MigratedDatabase") -> None:
    """No statement, lock or idle transaction of ours lasts beyond its limit."""
    limits = """
        SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings
        WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout')
    """
    expected = "idle_in_transaction_session_timeout=10000 lock_timeout=4000 statement_timeout=5000"

    assert ask_writer(database.settings("bukken_writer"), limits) == expected
    assert ask_reader(database.settings("bukken_reader"), limits) == expected


def test_both_sides_say_who_they_are(database: "MigratedDatabase") -> None:
    """An operator who looks at pg_stat_activity sees which service a session is."""
    name = "SELECT current_setting('application_name')"

    assert ask_writer(database.settings("bukken_writer"), name) == "test"
    assert ask_reader(database.settings("bukken_reader"), name) == "test"


def test_the_reader_reads_on_the_standby(database: "MigratedDatabase") -> None:
    """Its endpoint may lead to a standby, and in a cluster of one to the writer."""
    question = "SELECT pg_is_in_recovery()"

    assert ask_reader(database.settings("bukken_reader", standby=True), question) is True
    assert ask_reader(database.settings("bukken_reader"), question) is False


def test_asyncpg_keeps_its_connections_alive(database: "MigratedDatabase") -> None:
    """A peer that vanished is noticed: asyncpg has no option for it, so its socket is set."""

    async def options(connection: "AsyncConnection") -> tuple[int, int]:
        raw = await connection.get_raw_connection()
        sock = raw.driver_connection._transport.get_extra_info("socket")  # type: ignore[union-attr] # noqa: SLF001 — asyncpg shows it nowhere else
        alive = sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        return alive, sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)

    assert on_writer(database.settings("bukken_writer"), options) == (1, 5)


def test_a_rotated_password_needs_no_restart(
    database: "MigratedDatabase", tmp_path: "Path"
) -> None:
    """The file is read for each new connection; the ones that live stay."""
    file = tmp_path / "password"
    file.write_text(database.passwords["bukken_reader"] + "\n")
    settings = database.settings("bukken_reader").model_copy(
        update={"database_password": None, "database_password_file": file}
    )
    engine = reader_engine(settings, application="test")
    with engine.connect() as old:
        database.bootstrap(passwords=dict(database.passwords, bukken_reader="rotated"))
        file.write_text("rotated\n")
        with engine.connect() as new:
            seen = [c.execute(text("SELECT 1")).scalar() for c in (old, new)]
    engine.dispose()
    database.bootstrap(passwords=database.passwords)

    assert seen == [1, 1]


def test_one_attempt_stays_below_a_requests_time() -> None:
    """Wait for the pool, connect, ask: the sum is less than a request has."""
    attempt = (
        connections.POOL_WAIT_SECONDS + connections.CONNECT_SECONDS + connections.STATEMENT_SECONDS
    )

    assert attempt < ProcessSettings().request_seconds
