import asyncio
import socket
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bukken_contract.settings import ProcessSettings
from bukken_database import connections
from bukken_database.connections import reader_engine, writer_engine
from bukken_database.failures import Failure, failure_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from migrated_database import MigratedDatabase
    from postgres_servers import Servers
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


def test_both_drivers_notice_a_peer_that_vanished(database: "MigratedDatabase") -> None:
    """Keepalive is on with the same numbers; asyncpg has no option for it, so its socket is set."""

    async def of_asyncpg(connection: "AsyncConnection") -> list[int]:
        raw = await connection.get_raw_connection()
        return keepalive(raw.driver_connection._transport.get_extra_info("socket"))  # type: ignore[union-attr] # noqa: SLF001 — asyncpg shows it nowhere else

    engine = reader_engine(database.settings("bukken_reader"), application="test")
    with engine.connect() as connection:
        fileno = connection.connection.driver_connection.fileno()  # type: ignore[union-attr] # psycopg's own
        with socket.fromfd(fileno, socket.AF_INET, socket.SOCK_STREAM) as of_psycopg:
            found = keepalive(of_psycopg)
            unanswered = of_psycopg.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    engine.dispose()

    assert on_writer(database.settings("bukken_writer"), of_asyncpg) == found == [1, 5, 2, 3]
    assert unanswered == 5000


def keepalive(sock: socket.socket) -> list[int]:
    """On or off, idle seconds, interval, count."""
    names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
    on = int(sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0)
    return [on, *(sock.getsockopt(socket.IPPROTO_TCP, name) for name in names)]


def test_a_connection_is_checked_when_it_is_taken_out(database: "MigratedDatabase") -> None:
    """One that died in the pool costs its next user nothing."""
    engine = reader_engine(database.settings("bukken_reader"), application="test")
    with engine.connect() as connection:
        first = connection.execute(text("SELECT pg_backend_pid()")).scalar()
    with database.connect("bukken_master") as master:
        master.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
    with engine.connect() as connection:
        second = connection.execute(text("SELECT pg_backend_pid()")).scalar()
    engine.dispose()

    assert first != second


def test_connections_live_minutes_not_hours(database: "MigratedDatabase") -> None:
    """Aurora's endpoints choose an instance per connection: old ones never see a new reader."""
    writer = writer_engine(database.settings("bukken_writer"), application="test")
    reader = reader_engine(database.settings("bukken_reader"), application="test")
    ages = [pool._recycle for pool in (writer.sync_engine.pool, reader.pool)]  # noqa: SLF001 — SQLAlchemy shows it nowhere else

    assert ages == [300, 120]


def test_times_are_written_in_one_zone(database: "MigratedDatabase") -> None:
    """The same version is the same bytes, whatever zone a server or a role has."""
    zone = "SELECT current_setting('TimeZone')"
    in_zone = "ALTER ROLE {} IN DATABASE {} SET TimeZone = 'Asia/Tokyo'"
    found = []

    for role, ask in (("bukken_writer", ask_writer), ("bukken_reader", ask_reader)):
        with database.connect("bukken_master") as master:
            master.execute(in_zone.format(role, database.name))
        found.append(ask(database.settings(role), zone))
        with database.connect("bukken_master") as master:
            master.execute(f"ALTER ROLE {role} IN DATABASE {database.name} RESET TimeZone")

    assert found == ["UTC", "UTC"]


def test_the_query_sides_sessions_are_read_only_whoever_they_are(
    database: "MigratedDatabase",
) -> None:
    """Also with another role's password by mistake."""
    question = "SELECT current_setting('transaction_read_only')"

    assert ask_reader(database.settings("bukken_writer"), question) == "on"


def test_an_errors_text_has_no_parameters(database: "MigratedDatabase") -> None:
    """What people wrote does not reach a log by way of an exception."""
    engine = reader_engine(database.settings("bukken_reader"), application="test")
    with engine.connect() as connection, pytest.raises(DBAPIError) as failed:
        connection.execute(text("SELECT 1 FROM no_such_table WHERE x = :x"), {"x": "taro"})
    engine.dispose()

    assert "taro" not in str(failed.value)


@pytest.mark.parametrize("ask", [ask_writer, ask_reader])
def test_tls_is_asked_for_as_the_setting_says(
    database: "MigratedDatabase", ask: "Callable[..., Any]"
) -> None:
    """A server without TLS is refused when TLS is required, by both drivers."""
    settings = database.settings("bukken_writer").model_copy(update={"database_tls": "require"})

    with pytest.raises((DBAPIError, OSError), match="SSL"):
        ask(settings, "SELECT 1")


def test_verify_full_trusts_the_given_certificates_alone(
    database: "MigratedDatabase", tmp_path: "Path", monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundle that is named is the one that is read: without it there is no connection."""
    bundle = tmp_path / "no-such-bundle.pem"
    update = {"database_tls": "verify-full", "database_ca_file": bundle}
    settings = database.settings("bukken_writer").model_copy(update=update)
    told: dict[str, Any] = {}

    def told_and_refused(*_: object, **named: object) -> None:
        told.update(named)
        raise psycopg.OperationalError

    with pytest.raises(FileNotFoundError):
        ask_writer(settings, "SELECT 1")
    # libpq reads the bundle only when the server has TLS, which the tests' server has not.
    monkeypatch.setattr(psycopg.Connection, "connect", told_and_refused)
    with pytest.raises(DBAPIError):
        ask_reader(settings, "SELECT 1")
    assert (told["sslmode"], told["sslrootcert"]) == ("verify-full", str(bundle))


def test_asyncpg_gives_up_a_server_that_falls_silent(
    database: "MigratedDatabase", servers: "Servers"
) -> None:
    """A backend that is stopped answers nothing, and its server's own time-out does not run."""

    async def ask(connection: "AsyncConnection") -> None:
        pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        with servers.silenced(pid):
            await connection.execute(text("SELECT 1"))

    with pytest.raises((DBAPIError, TimeoutError)) as failed:
        on_writer(database.settings("bukken_writer"), ask)

    assert failure_of(failed.value) is Failure.SILENT


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
