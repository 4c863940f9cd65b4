"""Roles, database, grants: done once with the master secret, and harmless when done again.

Three roles, so that each process can do its work and no more: the migrator owns the schema, the
writer changes rows, the reader sees them. What PostgreSQL gives PUBLIC by default (temporary
tables, large objects, advisory locks, functions of the public schema) is taken away: a role that
can only SELECT could still fill the disk with those, or lock the migrations out. So are the two
databases that every server has; what of all this Aurora leaves open: docs/decisions/0010.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from bukken_database.readiness import NEEDED_LOCALE
from bukken_database.roles import MIGRATOR, READER, ROLES, WRITER

log = logging.getLogger(__name__)

Connect = Callable[[str], psycopg.Connection[Any]]

# 55 s is more than any migration's own time-out; an owner's session that idles holds locks.
_ROLE_SETTINGS: Final[Mapping[str, Mapping[str, str]]] = {
    MIGRATOR: {"search_path": "bukken", "idle_in_transaction_session_timeout": "55s"},
    WRITER: {"search_path": "bukken", "idle_in_transaction_session_timeout": "10s"},
    READER: {
        "search_path": "bukken",
        "idle_in_transaction_session_timeout": "10s",
        "default_transaction_read_only": "on",
        "statement_timeout": "5s",
    },
}

_IN_THE_DATABASE: Final[tuple[LiteralString, ...]] = (
    "CREATE SCHEMA IF NOT EXISTS bukken AUTHORIZATION bukken_migrator",
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    "GRANT USAGE ON SCHEMA bukken TO bukken_writer, bukken_reader",
    # What is near a place. Here and not in a migration: earthdistance is no trusted extension, so
    # the migrator, who may not even create in the database, cannot make it.
    "CREATE EXTENSION IF NOT EXISTS cube SCHEMA bukken",
    "CREATE EXTENSION IF NOT EXISTS earthdistance SCHEMA bukken",
    # The migrator's tables are made later, and have these rights from the start.
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE bukken_migrator IN SCHEMA bukken "
        "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO bukken_writer"
    ),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE bukken_migrator IN SCHEMA bukken "
        "GRANT SELECT ON TABLES TO bukken_reader"
    ),
)

# pg_catalog's functions that write or lock without any table privilege.
_HARMFUL: Final = """
    SELECT oid::regprocedure::text FROM pg_proc
    WHERE pronamespace = 'pg_catalog'::regnamespace
      AND (proname LIKE 'lo\\_%%' OR proname IN ('lowrite', 'loread', 'pg_logical_emit_message')
           OR proname LIKE 'pg\\_advisory%%' OR proname LIKE 'pg\\_try\\_advisory%%')
"""


def bootstrap(connect: Connect, *, database: str, passwords: Mapping[str, str]) -> None:
    """Makes everything that is not there yet, and sets the passwords to those given.

    Args:
        connect: opens an autocommit connection as the master user to the database named.
        database: the name of the platform's database.
        passwords: of each role in `ROLES`.
    """
    with connect("postgres") as master:
        for role in ROLES:
            _make_role(master, role, passwords[role])
        # Aurora's master is no superuser: to make what the migrator owns, it must be one of it.
        master.execute("GRANT bukken_migrator TO CURRENT_USER")
        _make_database(master, database)
        _close_other_databases(master)
    with connect(database) as master:
        for statement in _IN_THE_DATABASE:
            master.execute(statement)
        _revoke_harmful_functions(master)


def _make_role(master: psycopg.Connection[Any], role: str, password: str) -> None:
    name = sql.Identifier(role)
    there = master.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    if there is None:
        master.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
    # Hashed here: a statement may end up in the server's log.
    verifier = master.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    alter = sql.SQL("ALTER ROLE {} PASSWORD {}")
    master.execute(alter.format(name, sql.Literal(verifier.decode())))
    for setting, value in _ROLE_SETTINGS[role].items():
        statement = sql.SQL("ALTER ROLE {} SET {} = {}")
        master.execute(statement.format(name, sql.Identifier(setting), sql.Literal(value)))


def _make_database(master: psycopg.Connection[Any], database: str) -> None:
    name = sql.Identifier(database)
    there = master.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
    if there is None:
        create = sql.SQL(
            "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE {} LC_CTYPE {}"
        )
        locale = sql.Literal(NEEDED_LOCALE)
        master.execute(create.format(name, locale, locale))
    master.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    roles = sql.SQL(", ").join(map(sql.Identifier, ROLES))
    master.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, roles))


def _close_other_databases(master: psycopg.Connection[Any]) -> None:
    """Where the master may: PUBLIC could connect there, and fill the disk with temporary tables."""
    own = (
        "SELECT datname FROM pg_database "
        "WHERE datname IN ('postgres', 'template1') AND pg_has_role(datdba, 'USAGE')"
    )
    for (database,) in master.execute(own).fetchall():
        revoke = sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC")
        master.execute(revoke.format(sql.Identifier(database)))


def _revoke_harmful_functions(master: psycopg.Connection[Any]) -> None:
    """On Aurora the master owns no catalogue function: nothing is revoked, and this says so."""
    superuser = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
    if master.execute(superuser).fetchone() != (True,):
        log.warning(
            "no superuser: large objects and advisory locks stay open (docs/decisions/0010)"
        )
        return
    for (function,) in master.execute(_HARMFUL).fetchall():
        name = sql.SQL(function)
        master.execute(sql.SQL("REVOKE ALL ON FUNCTION {} FROM PUBLIC").format(name))
        if "advisory" in function:
            master.execute(sql.SQL("GRANT EXECUTE ON FUNCTION {} TO bukken_migrator").format(name))
