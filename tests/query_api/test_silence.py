import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from bukken_contract.problems import DatabaseUnavailable
from bukken_database import connections
from bukken_database.connections import reader_engine
from bukken_database.sessions import ReadDatabase, ReadSession

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase
    from postgres_servers import Servers

PID = select(func.pg_backend_pid().label("pid"))


def backend(session: ReadSession) -> int:
    """The process that answers this session."""
    row = session.row(PID)
    assert row
    return int(row["pid"])


@pytest.fixture
def reading(database: "MigratedDatabase") -> Iterator[ReadDatabase]:
    """The primary, so that its processes can be stopped one at a time."""
    engine = reader_engine(database.settings("bukken_reader"), application="test")
    reading = ReadDatabase(engine)
    yield reading
    reading.close()


def test_a_server_that_falls_silent_costs_a_moment_and_not_a_thread(
    reading: ReadDatabase, servers: "Servers", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped process keeps its connection open; libpq alone would wait for it for ever."""
    monkeypatch.setattr(connections, "SILENCE_SECONDS", 0.2)
    silent = reading.run(backend)
    began = time.monotonic()
    with servers.silenced(silent):
        answered_by = reading.run(backend)

    assert answered_by != silent
    assert time.monotonic() - began < 5


def test_what_was_waited_for_is_not_asked_again(
    database: "MigratedDatabase", silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another attempt is begun only while a whole one fits into the request."""
    monkeypatch.setattr(connections, "CONNECT_SECONDS", 2)  # libpq takes less than 2 for 2
    settings = database.settings("bukken_reader").model_copy(
        update={"database_host": "127.0.0.1", "database_port": silent_port}
    )
    engine = reader_engine(settings, application="test")
    began = time.monotonic()

    with pytest.raises(DatabaseUnavailable):
        ReadDatabase(engine).run(backend)

    assert 2 <= time.monotonic() - began < 4
    engine.dispose()
