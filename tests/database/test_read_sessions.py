import inspect
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Select, func, select
from sqlalchemy.exc import DBAPIError

from bukken_contract.problems import DatabaseUnavailable
from bukken_database.connections import reader_engine
from bukken_database.sessions import ReadDatabase, ReadSession

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase


def test_a_read_session_has_no_way_to_write() -> None:
    """Queries cannot write, by type: they get rows of a Select and nothing else."""
    public = {name for name in dir(ReadSession) if not name.startswith("_")}
    takes = [inspect.signature(getattr(ReadSession, name)).parameters for name in public]

    assert public == {"row", "rows", "prepared_row", "estimate", "together"}
    assert {p["query"].annotation for p in takes if "query" in p} == {Select[Any]}
    assert [*inspect.signature(ReadSession.together).parameters] == ["self"]


def test_what_fails_together_leaves_nothing_to_the_next(database: "MigratedDatabase") -> None:
    """The connection goes back to its pool without what was set, and without its transaction."""
    shorter = select(func.set_config("statement_timeout", "123ms", True))
    slow, limit = select(func.pg_sleep(5)), select(func.current_setting("statement_timeout"))

    def fails(session: ReadSession) -> None:
        with session.together():
            session.row(shorter)
            session.row(slow)

    settings = database.settings("bukken_reader").model_copy(update={"database_pool_size": 1})
    reading = ReadDatabase(reader_engine(settings, application="test"))
    with pytest.raises(DatabaseUnavailable):
        reading.run(fails)
    assert reading.run(lambda session: [*(session.row(limit) or {}).values()]) == ["5s"]
    reading.close()


def test_after_what_failed_together_more_can_be_asked(database: "MigratedDatabase") -> None:
    """A search that took too long that way is asked in another, on the same connection."""
    pid, slow = select(func.pg_backend_pid().label("pid")), select(func.pg_sleep(5))
    shorter = select(func.set_config("statement_timeout", "123ms", True))

    def fails(session: ReadSession) -> None:
        with session.together():
            session.row(shorter)
            session.row(slow)

    def asks_again(session: ReadSession) -> list[object]:
        first = session.row(pid)
        with pytest.raises(DBAPIError):
            fails(session)
        return [first, session.row(pid)]

    reading = ReadDatabase(reader_engine(database.settings("bukken_reader"), application="test"))
    first, then = reading.run(asks_again)
    reading.close()
    assert first == then


def test_what_is_asked_together_is_one_transaction(database: "MigratedDatabase") -> None:
    """What one statement sets holds for the next, and no longer."""
    limit = select(func.current_setting("statement_timeout").label("limit"))
    shorter = select(func.set_config("statement_timeout", "123ms", True))

    def limits(session: ReadSession) -> list[str]:
        with session.together():
            session.row(shorter)
            during = session.row(limit)
        after = session.row(limit)
        assert during
        assert after
        return [during["limit"], after["limit"]]

    reading = ReadDatabase(reader_engine(database.settings("bukken_reader"), application="test"))
    assert reading.run(limits) == ["123ms", "5s"]
    reading.close()


def test_what_is_estimated_is_not_asked(database: "MigratedDatabase") -> None:
    """The planner's expectation of a query that would take an hour is there at once."""
    hour = select(func.pg_sleep(3600))
    reading = ReadDatabase(reader_engine(database.settings("bukken_reader"), application="test"))

    assert reading.run(lambda session: session.estimate(hour)) == 1
    reading.close()
