import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from sqlalchemy import event, func, literal, select, update
from sqlalchemy.exc import DBAPIError

from bukken_contract.problems import DatabaseUnavailable
from bukken_database.connections import reader_engine, writer_engine
from bukken_database.schema import listings
from bukken_database.sessions import ReadDatabase, ReadSession, Row, WriteDatabase, WriteSession

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase

    from bukken_database.settings import DatabaseSettings

T = TypeVar("T")
KEY = "the one that is counted up"
COUNT_UP = (
    update(listings).where(listings.c.listing_key == KEY).values(version=listings.c.version + 1)
)
PID = select(func.pg_backend_pid().label("pid"))


def write(settings: "DatabaseSettings", work: Callable[[WriteSession], Awaitable[T]]) -> T:
    """What a unit of work comes to."""

    async def run() -> T:
        database = WriteDatabase(writer_engine(settings, application="test"))
        try:
            return await database.run(work)
        finally:
            await database.close()

    return asyncio.run(run())


def version_of(database: "MigratedDatabase") -> int:
    """The version as it stands."""
    query = "SELECT version FROM listings WHERE listing_key = %s"
    with database.connect("bukken_reader") as reader:
        row = reader.execute(query, [KEY]).fetchone()
    assert row
    return int(row[0])


@pytest.fixture(autouse=True)
def _a_listing(database: "MigratedDatabase") -> Iterator[None]:
    """Something to write, at version 1; no test finds what another left."""
    with database.connect("bukken_writer") as writer:
        writer.execute(
            "INSERT INTO listings (listing_key, version, original_entry_timestamp, "
            "modification_timestamp, ever_visible, standard_status, property_type) "
            "VALUES (%s, 1, now(), now(), false, 'Active', 'Land')",
            [KEY],
        )
    yield
    with database.connect("bukken_writer") as writer:
        writer.execute("DELETE FROM listings WHERE listing_key = %s", [KEY])


def test_a_unit_of_work_is_done_again_on_a_new_connection(database: "MigratedDatabase") -> None:
    """A killed backend costs the client nothing: what was not committed is repeated."""
    pids: list[int] = []

    async def work(session: WriteSession) -> None:
        row = await session.row(PID)
        assert row
        pids.append(row["pid"])
        if len(pids) == 1:
            with database.connect("bukken_master") as master:
                master.execute("SELECT pg_terminate_backend(%s)", [row["pid"]])
        await session.write(COUNT_UP)
        await session.commit()

    write(database.settings("bukken_writer"), work)

    assert len(set(pids)) == 2
    assert version_of(database) == 2


def test_a_connection_that_is_lost_while_it_is_made_is_made_again(
    database: "MigratedDatabase",
) -> None:
    """Before its first statement asyncpg's errors come as they are: no 500 for that."""

    def lose(connection: Any, _record: object) -> None:  # noqa: ANN401 — SQLAlchemy's own signature
        connection.driver_connection.terminate()

    async def run() -> Any:  # noqa: ANN401 — a row
        engine = writer_engine(database.settings("bukken_writer"), application="test")
        event.listen(engine.sync_engine, "connect", lose, insert=True, once=True)
        through = WriteDatabase(engine)
        try:
            return await through.run(lambda session: session.row(select(literal(1).label("one"))))
        finally:
            await through.close()

    assert asyncio.run(run()) == {"one": 1}


def test_what_is_not_committed_is_not_done(database: "MigratedDatabase") -> None:
    """A handler that fails leaves nothing behind."""

    async def work(session: WriteSession) -> None:
        await session.write(COUNT_UP)
        raise KeyError

    with pytest.raises(KeyError):
        write(database.settings("bukken_writer"), work)

    assert version_of(database) == 1


def test_a_database_that_is_away_is_a_quick_refusal(database: "MigratedDatabase") -> None:
    """Nobody listens: DatabaseUnavailable, with Retry-After, well below the deadline."""
    nowhere = database.settings("bukken_writer").model_copy(update={"database_port": 9})

    async def work(session: WriteSession) -> None:
        await session.row(PID)

    with pytest.raises(DatabaseUnavailable) as refused:
        write(nowhere, work)

    assert refused.value.headers == {"Retry-After": "1"}


@pytest.mark.parametrize(
    "ask",
    [
        lambda session: session.row(PID),
        lambda session: session.prepared_row(PID, values={}),
    ],
)
def test_a_readers_question_is_asked_again(
    database: "MigratedDatabase", ask: Callable[[ReadSession], Row | None]
) -> None:
    """The query side's twin of the rule above; also of what the driver is asked directly."""
    reading = ReadDatabase(reader_engine(database.settings("bukken_reader"), application="test"))
    pids: list[int] = []

    def question(session: ReadSession) -> int:
        row = ask(session)
        assert row
        pids.append(row["pid"])
        if len(pids) == 1:
            with database.connect("bukken_master") as master:
                master.execute("SELECT pg_terminate_backend(%s)", [row["pid"]])
        again = ask(session)
        assert again
        return int(again["pid"])

    assert reading.run(question) == pids[1]
    reading.close()


class LosesTheAnswerToCommit:
    """A proxy that cuts its first connection at COMMIT, before or after the server has it."""

    def __init__(self, target: tuple[str, int], *, forward: bool) -> None:
        self._target = target
        self._forward = forward
        self._cut = False
        self._pipes: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    async def _serve(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, forth = await asyncio.open_connection(*self._target)
        answers = asyncio.create_task(self._copy(far, back))
        self._pipes += [answers, asyncio.create_task(self._until_commit(near, forth, answers))]

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with closing_abruptly(sink):
            while data := await source.read(65536):
                sink.write(data)

    async def _until_commit(
        self, near: asyncio.StreamReader, forth: asyncio.StreamWriter, answers: asyncio.Task[None]
    ) -> None:
        with closing_abruptly(forth):
            while data := await near.read(65536):
                if b"COMMIT" in data and not self._cut:
                    self._cut = True
                    answers.cancel()
                    if self._forward:
                        forth.write(data)
                        await forth.drain()
                    return
                forth.write(data)


@contextmanager
def closing_abruptly(stream: asyncio.StreamWriter) -> Iterator[None]:
    """Cuts the connection in the end, as a dying machine does."""
    try:
        yield
    finally:
        stream.transport.abort()


@pytest.mark.parametrize("forward", [True, False])
def test_a_commit_whose_answer_was_lost_is_looked_for_again(
    database: "MigratedDatabase", *, forward: bool
) -> None:
    """The work is run again and finds it done, or does it: neither doubled nor lost."""
    given = database.settings("bukken_writer")
    wrote: list[bool] = []

    async def work(session: WriteSession) -> None:
        wrote.append(await session.write(COUNT_UP.where(listings.c.version == 1)))
        await session.commit()

    async def run() -> None:
        target = (given.database_host, given.database_port)
        async with LosesTheAnswerToCommit(target, forward=forward) as port:
            settings = given.model_copy(
                update={"database_host": "127.0.0.1", "database_port": port}
            )
            through = WriteDatabase(writer_engine(settings, application="test"))
            await through.run(work)
            await through.close()

    asyncio.run(run())

    assert version_of(database) == 2
    assert wrote == [True, not forward]


def test_what_was_slow_is_not_tried_again(database: "MigratedDatabase") -> None:
    """Trying again would feed what made it slow."""
    tries: list[int] = []
    slow = select(func.pg_sleep(30))

    async def work(session: WriteSession) -> None:
        tries.append(1)
        await session.row(select(func.set_config("statement_timeout", "50", False)))
        await session.row(slow)

    with pytest.raises(DatabaseUnavailable, match="in time"):
        write(database.settings("bukken_writer"), work)

    assert tries == [1]


def test_a_mistake_of_ours_is_raised_as_it_is(database: "MigratedDatabase") -> None:
    """It becomes a 500 and a line in the log, never a 503 that a client repeats for ever."""

    async def work(session: WriteSession) -> None:
        await session.row(select(1 / func.length("")))

    with pytest.raises(DBAPIError, match="division"):
        write(database.settings("bukken_writer"), work)
