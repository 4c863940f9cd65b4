"""What handlers and queries hold: a session that can write, or one that cannot, by type.

A `ReadSession` takes a `Select` and nothing else, so that a query that writes does not type-check;
the role it runs as is refused by PostgreSQL too. A unit of work is a function of its session: when
the database goes away under it, it is run again on a new connection.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, TypeVar

import psycopg
from asyncpg import InterfaceError, PostgresError  # type: ignore[import-untyped] # it ships no types
from psycopg.rows import dict_row
from sqlalchemy import Engine, Insert, RowMapping, Select, TextClause, Update, exc
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg as psycopg_dialect
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bukken_contract.problems import DatabaseUnavailable
from bukken_database.connections import (
    CONNECT_SECONDS,
    DEADLINE,
    POOL_WAIT_SECONDS,
    SILENCE_SECONDS,
)
from bukken_database.failures import Failure, failure_of, sqlstate_of

log = logging.getLogger(__name__)

T = TypeVar("T")


# Pauses before the second and third attempt, seconds. Few and short: a request that is refused
# quickly can be tried elsewhere, one that waits holds a place.
_PAUSES: Final = (0.05, 0.25)
# Each times a random number from here: those that lost the same server must not come back at once.
_SPREAD: Final = (0.5, 1.5)

_LONGEST_PAUSE: Final = _SPREAD[1] * max(_PAUSES)

# What one attempt may take at most. Another is begun only while a whole one still fits into the
# request: what is refused at once is asked again, what was waited for is not.
ATTEMPT_SECONDS: Final = POOL_WAIT_SECONDS + CONNECT_SECONDS + SILENCE_SECONDS

# What a driver or the pool raises when the database is at fault; the rest is ours. asyncpg's own:
# while a connection is set up, SQLAlchemy lets them through as they are.
_ERRORS: Final = (exc.SQLAlchemyError, OSError, PostgresError, InterfaceError)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What is asked of a reader in here is answered in this time, and in that of what is around."""
    outer = DEADLINE.set(min(DEADLINE.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        DEADLINE.reset(outer)


def seconds_left() -> float:
    """What is left of the request."""
    return DEADLINE.get() - time.monotonic()


Row = Mapping[str, Any]


@cache
def _statement_of(query: Select[Any]) -> bytes:
    return str(query.compile(dialect=psycopg_dialect())).encode()  # type: ignore[no-untyped-call] # SQLAlchemy has no type for it


class ReadSession:
    """One connection that reads, each statement for itself."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(
        self, query: Select[Any], *, values: Mapping[str, Any] | None = None
    ) -> Sequence[RowMapping]:
        """All rows of the query.

        Args:
            query: what is asked.
            values: of its parameters. Those of `Select.params` make another query each time, which
                costs more than most take to be answered.
        """
        return self._connection.execute(query, values).mappings().all()

    def row(
        self, query: Select[Any], *, values: Mapping[str, Any] | None = None
    ) -> RowMapping | None:
        """The one row of the query, or None."""
        return self._connection.execute(query, values).mappings().one_or_none()

    def prepared_row(self, query: Select[Any], *, values: Mapping[str, Any]) -> Row | None:
        """The one row of a query that is asked all day, by the driver itself.

        SQLAlchemy's part in an execution costs more than the driver's and ours together.

        Args:
            query: is made into SQL once; the same object each time.
            values: of its parameters.
        """
        statement = _statement_of(query)
        driver = self._driver
        try:
            found = driver.cursor(row_factory=dict_row).execute(statement, values, prepare=True)
            return found.fetchone()
        except psycopg.Error as error:
            raise self._as_sqlalchemy_has_it(error) from error

    def estimate(self, query: Select[Any]) -> int:
        """How many rows the planner expects of the query, which is not asked."""
        statement = query.compile(dialect=self._connection.dialect)
        explain = f"EXPLAIN (FORMAT JSON) {statement}"
        (answer,) = self._connection.exec_driver_sql(explain, statement.params).scalar_one()
        return int(answer["Plan"]["Plan Rows"])

    def _as_sqlalchemy_has_it(self, error: psycopg.Error) -> exc.DBAPIError:
        wrapped = exc.DBAPIError.instance(
            None, None, error, psycopg.Error, hide_parameters=True, dialect=self._connection.dialect
        )
        assert isinstance(wrapped, exc.DBAPIError)  # noqa: S101 — psycopg.Error is one
        if failure_of(wrapped) in {Failure.GONE, Failure.SILENT} or self._driver.closed:
            wrapped.connection_invalidated = True
            self._connection.invalidate(error)
        return wrapped

    @property
    def _driver(self) -> psycopg.Connection[Any]:
        """Beneath a reader's connection is always psycopg's."""
        driver = self._connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)  # noqa: S101 — see above
        return driver

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is asked in here is one transaction: what one statement sets holds for the next.

        After a failure nothing of it holds, and more can be asked where the connection is left. Why
        not the driver's own `transaction()`? What it raises is not SQLAlchemy's, and a session that
        was ended just then would be a 500.
        """
        self._connection.exec_driver_sql("BEGIN")
        try:
            yield
            self._connection.exec_driver_sql("COMMIT")  # may take too long as well
        except exc.DBAPIError:
            if not self._connection.invalidated:
                self._connection.exec_driver_sql("ROLLBACK")
            raise


class WriteSession:
    """One transaction on the writer."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def row(self, query: Select[Any]) -> RowMapping | None:
        """The one row of the query, or None."""
        found: RowMapping | None = (await self._connection.execute(query)).mappings().one_or_none()
        return found

    async def rows(
        self, statement: Select[Any] | TextClause, *, values: Mapping[str, Any]
    ) -> Sequence[RowMapping]:
        """All rows the statement gives; a TextClause is one that writes many rows at once."""
        return (await self._connection.execute(statement, values)).mappings().all()

    async def write(
        self, statement: Insert | Update, *, values: Mapping[str, Any] | None = None
    ) -> bool:
        """Whether the statement wrote a row.

        Args:
            statement: what is written; expressions stand in it.
            values: plain values by column or parameter. Built into the statement, 70 of them cost
                0.9 ms for each execution.
        """
        return (await self._connection.execute(statement, values)).rowcount > 0

    async def commit(self) -> None:
        """Makes it durable.

        When the answer to COMMIT is lost, the whole unit of work is done again and finds what it
        asked for already there, or not. Why not ask `pg_xact_status`? After a crash the ids of
        transactions that never reached the disk are given out again: it then answers for somebody
        else's (docs/decisions/0008).
        """
        await self._connection.commit()


class ReadDatabase:
    """The reader endpoint, and the way to ask it."""

    def __init__(self, engine: Engine, *, request_seconds: float = 12.0) -> None:
        self._engine = engine
        self._request_seconds = request_seconds

    def run(self, question: Callable[[ReadSession], T]) -> T:
        """The question's answer, asked again on a new connection while that may help.

        Raises:
            DatabaseUnavailable: nobody answers, or not in time.
        """
        with within(self._request_seconds):
            return self._run(question)

    def _run(self, question: Callable[[ReadSession], T]) -> T:
        for pause in _pauses():
            try:
                with self._engine.connect() as connection:
                    return question(ReadSession(connection))
            except _ERRORS as error:
                late = seconds_left() < ATTEMPT_SECONDS + _LONGEST_PAUSE
                _raise_unless_worth_another_try(error, last=pause is None or late)
            time.sleep(pause or 0)
        raise AssertionError("the last pass returns or raises")

    def close(self) -> None:
        """Gives every connection back."""
        self._engine.dispose()


class WriteDatabase:
    """The writer endpoint, and the way to work with it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def run(self, work: Callable[[WriteSession], Awaitable[T]]) -> T:
        """The result of the unit of work, tried again while that may help.

        The work may be run again after it was committed, when the answer to its COMMIT was lost: it
        must find out from what is stored whether there is anything left to do.

        Raises:
            DatabaseUnavailable: nobody answers, or not in time. The change may have been made;
                sending it again is safe.
        """
        for pause in _pauses():
            try:
                async with self._engine.connect() as connection:
                    return await work(WriteSession(connection))
            except _ERRORS as error:
                _raise_unless_worth_another_try(error, last=pause is None)
            await asyncio.sleep(pause or 0)
        raise AssertionError("the last pass returns or raises")

    async def close(self) -> None:
        """Gives every connection back."""
        await self._engine.dispose()


def _pauses() -> Iterator[float | None]:
    """What to wait after each attempt that failed; after the last there is none."""
    for pause in _PAUSES:
        yield pause * random.uniform(*_SPREAD)  # noqa: S311 — no secret
    yield None


def _raise_unless_worth_another_try(error: Exception, *, last: bool) -> None:
    failure = failure_of(error)
    if failure is None:
        raise error
    log.warning("database %s: %s %s", failure.name, type(error).__name__, sqlstate_of(error) or "")
    if failure in {Failure.SLOW, Failure.SILENT}:
        raise DatabaseUnavailable("the database did not answer in time") from error
    if last:
        raise DatabaseUnavailable("the database cannot be reached") from error
