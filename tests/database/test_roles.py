from typing import TYPE_CHECKING, Final

import psycopg
import pytest
from psycopg import errors

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase

# Everything a role can do to a database that is not SELECT; the reader may do none of it.
WRITES: Final = {
    "insert": "INSERT INTO bukken.schema_level VALUES (9)",
    "update": "UPDATE bukken.schema_level SET level = 9",
    "delete": "DELETE FROM bukken.listings",
    "truncate": "TRUNCATE bukken.listings",
    "lock rows": "SELECT * FROM bukken.schema_level FOR UPDATE",
    "lock a table": "LOCK bukken.listings IN ACCESS EXCLUSIVE MODE",
    "create a table": "CREATE TABLE bukken.mine (x int)",
    "create a table in public": "CREATE TABLE public.mine (x int)",
    "create a temporary table": "CREATE TEMP TABLE mine (x int)",
    "create a function": "CREATE FUNCTION bukken.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "create a large object": "SELECT lo_create(0)",
    "fill a large object": "SELECT lo_from_bytea(0, 'x')",
    "lock the migrations out": "SELECT pg_advisory_lock(285536)",
    "try to lock the migrations out": "SELECT pg_try_advisory_lock(285536)",
    "copy in": "COPY bukken.listings FROM PROGRAM 'true'",
    "drop": "DROP TABLE bukken.listings",
    "become the writer": "SET ROLE bukken_writer",
}
# PostgreSQL lets whoever may update rows lock their table; lock_timeout is the guard there.
WRITERS_WORK: Final = {"insert", "update", "delete", "lock rows", "lock a table"}


@pytest.mark.parametrize("write", WRITES)
def test_postgresql_itself_refuses_the_reader_any_write(
    database: "MigratedDatabase", write: str
) -> None:
    """On the writer too, and after it has switched its own read-only default off."""
    with database.connect("bukken_reader") as reader:
        reader.execute("SET default_transaction_read_only = off")
        reader.commit()

        with pytest.raises(errors.InsufficientPrivilege):
            reader.execute(WRITES[write])


def test_the_reader_reads_only_by_default(database: "MigratedDatabase") -> None:
    """Its transactions are read-only before any privilege is asked."""
    with (
        database.connect("bukken_reader") as reader,
        pytest.raises(errors.ReadOnlySqlTransaction),
    ):
        reader.execute("CREATE TEMP TABLE mine (x int)")


@pytest.mark.parametrize("write", sorted(set(WRITES) - WRITERS_WORK))
def test_the_writer_writes_rows_and_nothing_else(database: "MigratedDatabase", write: str) -> None:
    """A stolen writer's password makes no tables, functions, large objects or locks."""
    with (
        database.connect("bukken_writer") as writer,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        writer.execute(WRITES[write].replace("bukken_writer", "bukken_migrator"))


@pytest.mark.parametrize("write", sorted(WRITERS_WORK))
def test_the_writer_can_do_its_work(database: "MigratedDatabase", write: str) -> None:
    """The refusals above are not refusals of everything: rows are the writer's to change."""
    with database.connect("bukken_writer") as writer:
        if write != "insert":
            writer.execute(WRITES[write])
        writer.rollback()


def test_strangers_cannot_connect(database: "MigratedDatabase") -> None:
    """CONNECT is granted to three roles, not to PUBLIC."""
    with database.connect("bukken_master") as master:
        master.execute("CREATE ROLE stranger LOGIN")
        question = "SELECT has_database_privilege('stranger', 'bukken', 'CONNECT')"
        answer = master.execute(question).fetchone()
        master.rollback()

    assert answer == (False,)


def test_bootstrap_can_be_done_again_and_changes_passwords(database: "MigratedDatabase") -> None:
    """A second bootstrap harms nothing, and is how a password is set anew."""
    database.bootstrap(passwords=dict(database.passwords, bukken_reader="rotated"))
    with database.connect("bukken_reader", password="rotated") as reader:
        level = reader.execute("SELECT level FROM schema_level").fetchone()
    database.bootstrap(passwords=database.passwords)

    assert level == (1,)
    with pytest.raises(psycopg.OperationalError, match="password"):
        database.connect("bukken_reader", password="rotated")
