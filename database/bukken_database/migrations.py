"""Running the migrations: one at a time, under time-outs, and only when there are any.

Two releases, or a Job and its retry, may start at once: an advisory lock lets one work, and the
other then finds nothing to do. The lock is asked for politely and given up after a while, so that
a stuck session is reported and not waited for.
"""

import logging
import time
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

import bukken_database
from bukken_database.schema import SCHEMA

log = logging.getLogger(__name__)

LOCK_WAIT_SECONDS: Final = 60
# Any number, the same for ever; spells "bukken" on a telephone.
_LOCK_KEY: Final = 285536

FOLDER: Final = Path(bukken_database.__file__).parent.parent / "migrations"


class MigrationsAreRunning(RuntimeError):
    """Another session has held the migrations' lock for too long."""


def migrate(engine: Engine) -> None:
    """Brings the schema to the newest revision that this release knows; never back.

    Raises:
        MigrationsAreRunning: another session has been at it for over a minute.
    """
    with engine.connect() as connection:
        _lock(connection)
        if was := _behind(connection):
            log.info("migrating: %s", was)
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def behind(engine: Engine) -> str | None:
    """How far the schema is behind the newest revision, in a sentence.

    None when it is there, or further: an older release goes out over the schema of a newer one
    when a release is taken back by releasing what was before, and works on it.
    """
    with engine.connect() as connection:
        return _behind(connection)


def _behind(connection: Connection) -> str | None:
    options = {"version_table_schema": SCHEMA}
    current = MigrationContext.configure(connection, opts=options).get_current_revision()
    script = ScriptDirectory.from_config(_config())
    head = script.get_current_head()
    if current and current not in {each.revision for each in script.walk_revisions()}:
        log.info("the schema (%s) is newer than this release: nothing to do", current)
        return None
    return None if current == head else f"the schema is at {current or 'nothing'}, not at {head}"


def _lock(connection: Connection) -> None:
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    ask = text("SELECT pg_try_advisory_lock(:key)").bindparams(key=_LOCK_KEY)
    while not connection.execute(ask).scalar():
        if time.monotonic() > deadline:
            raise MigrationsAreRunning(f"another session migrates since {LOCK_WAIT_SECONDS} s")
        # Or this session's snapshot is what CREATE INDEX CONCURRENTLY of the other waits for.
        connection.rollback()
        time.sleep(0.2)


def _config() -> Config:
    config = Config(FOLDER.parent / "alembic.ini")
    config.set_main_option("script_location", str(FOLDER))
    return config
