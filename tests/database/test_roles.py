from dataclasses import replace
from typing import TYPE_CHECKING, Final

import psycopg
import pytest
from migrated_database import MigratedDatabase
from psycopg import errors
from waiting import wait_until

from bukken_database.roles import MASTER
from bukken_database.schema import SCHEMA_LEVEL

if TYPE_CHECKING:
    from chosen_servers import MakeServers
    from postgres_servers import Servers

# Everything a role can do to a database that is not SELECT; the reader may do none of it.
WRITES: Final = {
    "insert": "INSERT INTO bukken.listings (listing_key) VALUES ('a')",
    "update": "UPDATE bukken.listings SET version = 9",
    "delete": "DELETE FROM bukken.listings",
    "insert a level": "INSERT INTO bukken.schema_level VALUES (9)",
    "lower the level": "UPDATE bukken.schema_level SET level = 0",
    "forget the level": "DELETE FROM bukken.schema_level",
    "claim a migration": "UPDATE bukken.alembic_version SET version_num = 'later'",
    "add a migration": "INSERT INTO bukken.alembic_version VALUES ('later')",
    "forget the migrations": "DELETE FROM bukken.alembic_version",
    "slip an event in": "INSERT INTO bukken.unnumbered_events VALUES (DEFAULT, 'a', 1)",
    "forge an event": "INSERT INTO bukken.events VALUES (1, 'a', 1, now(), now())",
    "change an event": "UPDATE bukken.events SET listing_key = 'b'",
    "take events out": "DELETE FROM bukken.events",
    "turn the feed back": "UPDATE bukken.feed SET head = 0",
    "number events": "SELECT bukken.number_events(gen_random_uuid(), 0, 1, interval '1 s')",
    "forget events": "SELECT bukken.forget_events(interval '1 day', 1)",
    "truncate": "TRUNCATE bukken.listings",
    "lock rows": "SELECT * FROM bukken.listings FOR UPDATE",
    "lock a table": "LOCK bukken.listings IN ACCESS EXCLUSIVE MODE",
    "create a table": "CREATE TABLE bukken.mine (x int)",
    "create a table in public": "CREATE TABLE public.mine (x int)",
    "create a temporary table": "CREATE TEMP TABLE mine (x int)",
    "create a function": "CREATE FUNCTION bukken.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "create a large object": "SELECT lo_create(0)",
    "fill a large object": "SELECT lo_from_bytea(0, 'x')",
    "lock the migrations out": "SELECT pg_advisory_lock(285536)",
    "try to lock the migrations out": "SELECT pg_try_advisory_lock(285536)",
    "fill the log": "SELECT pg_logical_emit_message(false, 'x', 'y')",
    "copy in": "COPY bukken.listings FROM PROGRAM 'true'",
    "drop": "DROP TABLE bukken.listings",
    "become the writer": "SET ROLE bukken_writer",
}
# PostgreSQL lets whoever may update rows lock their table; lock_timeout is the guard there.
WRITERS_WORK: Final = {
    *("insert", "update", "delete", "lock rows", "lock a table"),
    *("number events", "forget events"),
}


@pytest.mark.parametrize("write", WRITES)
def test_postgresql_itself_refuses_the_reader_any_write(
    database: MigratedDatabase, write: str
) -> None:
    """On the writer too, and after it has switched its own read-only default off."""
    with database.connect("bukken_reader") as reader:
        reader.execute("SET default_transaction_read_only = off")
        reader.commit()

        with pytest.raises(errors.InsufficientPrivilege):
            reader.execute(WRITES[write])


def test_the_reader_reads_only_by_default(database: MigratedDatabase) -> None:
    """Its transactions are read-only before any privilege is asked."""
    with (
        database.connect("bukken_reader") as reader,
        pytest.raises(errors.ReadOnlySqlTransaction),
    ):
        reader.execute("CREATE TEMP TABLE mine (x int)")


@pytest.mark.parametrize("write", sorted(set(WRITES) - WRITERS_WORK))
def test_the_writer_writes_rows_and_nothing_else(database: MigratedDatabase, write: str) -> None:
    """A stolen writer's password makes no tables, functions, large objects or locks."""
    with (
        database.connect("bukken_writer") as writer,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        writer.execute(WRITES[write].replace("bukken_writer", "bukken_migrator"))


@pytest.mark.parametrize("write", sorted(WRITERS_WORK))
def test_the_writer_can_do_its_work(database: MigratedDatabase, write: str) -> None:
    """The refusals above are not refusals of everything: rows are the writer's to change."""
    with database.connect("bukken_writer") as writer:
        if write != "insert":
            writer.execute(WRITES[write])
        writer.rollback()


def test_strangers_cannot_connect(database: MigratedDatabase) -> None:
    """CONNECT is granted to three roles, not to PUBLIC."""
    with database.connect("bukken_master") as master:
        master.execute("CREATE ROLE stranger LOGIN")
        question = "SELECT has_database_privilege('stranger', 'bukken', 'CONNECT')"
        answer = master.execute(question).fetchone()
        master.rollback()

    assert answer == (False,)


@pytest.mark.parametrize("role", ["bukken_migrator", "bukken_writer", "bukken_reader"])
@pytest.mark.parametrize("other", ["postgres", "template1"])
def test_our_roles_have_no_other_database(
    database: MigratedDatabase, role: str, other: str
) -> None:
    """Each server has these two, and PUBLIC may connect and fill the disk there by default."""
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        database.connect(role, name=other)


def test_bootstrap_can_be_done_again_and_changes_passwords(database: MigratedDatabase) -> None:
    """A second bootstrap harms nothing, and is how a password is set anew."""
    database.bootstrap(passwords=dict(database.passwords, bukken_reader="rotated"))
    with database.connect("bukken_reader", password="rotated") as reader:
        level = reader.execute("SELECT level FROM schema_level").fetchone()
    database.bootstrap(passwords=database.passwords)

    assert level == (SCHEMA_LEVEL,)
    with pytest.raises(psycopg.OperationalError, match="password"):
        database.connect("bukken_reader", password="rotated")


def test_no_function_that_writes_or_locks_is_open_to_the_services(
    database: MigratedDatabase,
) -> None:
    """Large objects and advisory locks need no table privilege, so they are asked for by name."""
    question = """
        SELECT count(*) FILTER (WHERE has_function_privilege('bukken_reader', oid, 'EXECUTE')),
               count(*) > 20
        FROM pg_proc WHERE proname ~ '^(lo_|lowrite|loread|pg_advisory|pg_try_advisory)'
    """
    with database.connect("bukken_reader") as reader:
        found = reader.execute(question).fetchone()

    assert found == (0, True)


def test_each_role_has_its_limits_on_any_connection(database: MigratedDatabase) -> None:
    """Also a session that no service of ours opened ends when it idles, and the reader reads."""
    with database.connect("bukken_master") as master:
        rows = master.execute("SELECT rolname, rolconfig FROM pg_roles WHERE rolname ~ 'bukken_'")
        limits = {role: set(settings or ()) for role, settings in rows}

    assert {
        "search_path=bukken",
        "idle_in_transaction_session_timeout=10s",
        "default_transaction_read_only=on",
        "statement_timeout=5s",
    } == limits["bukken_reader"]
    assert "idle_in_transaction_session_timeout=10s" in limits["bukken_writer"]
    assert "idle_in_transaction_session_timeout=55s" in limits["bukken_migrator"]


def test_the_public_schema_is_nobodys(database: MigratedDatabase) -> None:
    """What an extension puts there is not offered to the services by default."""
    with database.connect("bukken_reader") as reader:
        usage = reader.execute("SELECT has_schema_privilege('public', 'USAGE')").fetchone()

    assert usage == (False,)


def test_a_master_that_is_no_superuser_can_bootstrap(
    make_servers: "MakeServers", caplog: pytest.LogCaptureFixture
) -> None:
    """Aurora's master makes roles and databases and is no superuser; it is told what stays open."""
    own = make_servers()
    aurora = MigratedDatabase(own.primary, own.standby, own.password)
    with aurora.connect(MASTER, name="postgres") as master:
        master.execute("CREATE ROLE rds_like LOGIN CREATEROLE CREATEDB PASSWORD 'x'")
        master.execute("REVOKE ALL ON DATABASE template1 FROM PUBLIC")  # it would be refused this
    aurora = replace(aurora, master="rds_like", master_password="x")
    with pytest.raises(errors.InsufficientPrivilege, match="earthdistance"):
        aurora.bootstrap(passwords=aurora.passwords)
    with aurora.connect(MASTER, password=own.password) as rds_superuser:  # may, on Aurora alone
        rds_superuser.execute("CREATE EXTENSION earthdistance SCHEMA bukken")
    for _ in range(2):
        aurora.bootstrap(passwords=aurora.passwords)
    aurora.migrate()
    with aurora.connect("bukken_reader") as reader:
        level = reader.execute("SELECT level FROM schema_level").fetchone()
    aurora.connect("bukken_reader", name="postgres").close()  # not this master's to close
    own.stop()

    assert level == (SCHEMA_LEVEL,)
    assert "no superuser" in caplog.text


def test_a_password_is_in_no_statement(database: MigratedDatabase, servers: "Servers") -> None:
    """A server that logs statements logs a hash."""
    with database.connect(MASTER) as master:
        master.execute("ALTER ROLE bukken_master SET log_statement = 'all'")
    database.bootstrap(passwords=database.passwords)
    with database.connect(MASTER) as master:
        master.execute("ALTER ROLE bukken_master RESET log_statement")
    wait_until(lambda: "RESET log_statement" in servers.log(), what="the log is written")
    logged = servers.log()

    assert "SCRAM-SHA-256$" in logged
    assert [p for p in database.passwords.values() if p in logged.replace("''", "'")] == []
