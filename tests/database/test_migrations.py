import re
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event
from sqlalchemy.dialects.postgresql.base import ischema_names

from bukken_database import jobs, migrations
from bukken_database.connections import CONNECT_SECONDS, job_engine
from bukken_database.inquiry_table import inquiries
from bukken_database.schema import SCHEMA, SCHEMA_LEVEL, Cube, metadata

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase


def test_the_model_is_what_the_migrations_made(
    database: "MigratedDatabase", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody changes a table in Python and forgets the migration, or the other way round."""
    monkeypatch.setitem(ischema_names, "bukken.cube", Cube)  # an extension's; SQLAlchemy has none
    engine = job_engine(database.settings("bukken_master"), application="test")
    options = {
        "include_schemas": True,
        "version_table_schema": SCHEMA,
        "include_name": lambda name, kind, _: kind != "schema" or name == SCHEMA,
        "compare_type": True,
    }
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, metadata)
    engine.dispose()

    assert inquiries.metadata is metadata
    assert [d for d in differences if "_is_one_row" not in repr(d)] == []


def test_the_migrations_raise_the_level_this_release_needs(database: "MigratedDatabase") -> None:
    """After `migrate`, a process of this release can become ready."""
    with database.connect("bukken_reader") as reader:
        level = reader.execute("SELECT level FROM schema_level").fetchone()

    assert level == (SCHEMA_LEVEL,)


def test_migrations_are_named_by_a_date_and_a_sentence() -> None:
    """The folder reads like the schema's history."""
    names = [path.name for path in (migrations.FOLDER / "versions").glob("*.py")]

    assert names
    assert all(re.fullmatch(r"\d{4}-\d{2}-\d{2}_[a-z0-9_]+\.py", name) for name in names)


def test_eight_at_once_migrate_once(empty_database: "MigratedDatabase") -> None:
    """A Job and its retry may start together: one works, the rest find it done."""
    failed: list[Exception] = []

    def migrate() -> None:
        engine = job_engine(empty_database.settings("bukken_migrator"), application="test")
        try:
            migrations.migrate(engine)
        except Exception as error:  # noqa: BLE001 — whatever it is, the test shows it
            failed.append(error)
        engine.dispose()

    threads = [threading.Thread(target=migrate) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    engine = job_engine(empty_database.settings("bukken_migrator"), application="test")
    assert migrations.behind(engine) is None
    engine.dispose()


def test_a_stuck_migration_is_reported_not_waited_for(
    database: "MigratedDatabase", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock held by a dead end is named after a while, and nothing is changed."""
    monkeypatch.setattr(migrations, "LOCK_WAIT_SECONDS", 0.3)
    engine = job_engine(database.settings("bukken_migrator"), application="test")
    with database.connect("bukken_migrator") as other:
        other.execute("SELECT pg_advisory_lock(285536)")

        with pytest.raises(migrations.MigrationsAreRunning):
            migrations.migrate(engine)
    engine.dispose()


def test_a_schema_without_migrations_is_said_to_be_behind(
    empty_database: "MigratedDatabase",
) -> None:
    """The head check names what is there and what should be."""
    engine = job_engine(empty_database.settings("bukken_migrator"), application="test")
    said = migrations.behind(engine)
    engine.dispose()

    assert said is not None
    assert "nothing" in said


@pytest.fixture
def _given_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a bootstrap must be told."""
    for role in ("MIGRATOR", "WRITER", "READER"):
        monkeypatch.setenv(f"BUKKEN_{role}_PASSWORD", "x")


@pytest.mark.parametrize("job", ["bootstrap", "migrate", "check"])
@pytest.mark.usefixtures("_given_passwords")
def test_a_job_without_a_database_says_so_in_a_line(
    job: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Job's log is read by somebody in a hurry: no trace of calls."""
    status = jobs.main([job, "--database-port", "9"])
    said = capsys.readouterr().err

    assert (status, len(said.splitlines())) == (1, 1)
    assert said.startswith(f"{job}: ")


@pytest.mark.usefixtures("_given_passwords")
def test_a_bootstrap_does_not_wait_for_a_server_that_says_nothing(silent_port: int) -> None:
    """Its Job is tried again; one that hangs is not."""
    began = time.monotonic()

    assert jobs.main(["bootstrap", "--database-port", str(silent_port)]) == 1
    assert time.monotonic() - began < CONNECT_SECONDS + 3


def test_a_job_says_what_it_found_and_nothing_else(
    database: "MigratedDatabase",
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Alembic would greet with two lines about itself."""
    for name, value in database.environment("bukken_migrator").items():
        monkeypatch.setenv(name, value)

    assert jobs.main(["check"]) == 0
    assert capsys.readouterr().out == "the schema is at head\n"


def test_a_migration_that_fails_undoes_itself_alone(empty_database: "MigratedDatabase") -> None:
    """What the ones before it did is there, and the next try goes on from it."""
    engine = job_engine(empty_database.settings("bukken_migrator"), application="test")

    @event.listens_for(engine, "before_cursor_execute")
    def _fail(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("REVOKE INSERT"):
            raise InterruptedError

    with pytest.raises(InterruptedError):
        migrations.migrate(engine)
    behind = migrations.behind(engine)
    engine.dispose()

    assert behind is not None
    assert behind.startswith("the schema is at 20261122_listings")


def test_a_migration_that_cannot_have_its_lock_gives_up(
    empty_database: "MigratedDatabase",
) -> None:
    """It stops nobody for long: the time-outs of env.py are in force while migrations run."""
    engine = job_engine(empty_database.settings("bukken_migrator"), application="test")
    seen: list[tuple[str, str]] = []

    @event.listens_for(engine, "before_cursor_execute")
    def _look(_connection: object, cursor: Any, statement: str, *_: object) -> None:  # noqa: ANN401 — SQLAlchemy's own signature
        if "CREATE TABLE bukken.listings" in statement:
            driver = cursor.connection
            with driver.cursor() as other:
                row = other.execute(
                    "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
                ).fetchone()
            seen.append(row)

    migrations.migrate(engine)
    engine.dispose()

    assert seen == [("4s", "50s")]


def test_migrating_again_touches_nothing(database: "MigratedDatabase") -> None:
    """At head nothing is done: a release that changes no table is quick."""
    engine = job_engine(database.settings("bukken_migrator"), application="test")
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    migrations.migrate(engine)
    engine.dispose()

    assert [each for each in statements if "lock_timeout" in each] == []


def test_an_older_release_leaves_a_newer_schema_alone(
    empty_database: "MigratedDatabase", caplog: pytest.LogCaptureFixture
) -> None:
    """It works on it, by rule, and does not know the revision: it says so, and that is all."""
    empty_database.migrate()
    with empty_database.connect("bukken_migrator") as later:
        later.execute("UPDATE bukken.alembic_version SET version_num = '20991231_later'")
    engine = job_engine(empty_database.settings("bukken_migrator"), application="test")
    with caplog.at_level("INFO", logger="bukken_database"):
        migrations.migrate(engine)
    behind = migrations.behind(engine)
    engine.dispose()

    assert behind is None
    assert "(20991231_later) is newer than this release" in caplog.text
