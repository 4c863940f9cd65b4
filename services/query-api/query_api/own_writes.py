"""Read your writes: a query with a token sees the write it is for, or a newer one.

The reader is asked first, on one connection, whether it has the write, and then the query itself: a
later statement of a connection sees no less. It is given a moment. Then, for one listing alone, the
writer's endpoint is asked, by so few at once that readers which fall behind cannot bring it down
with them. Why for one alone? A lookup by key costs the writer next to nothing; a search does, just
when it is busiest. All else is 503 until the reader has caught up.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from threading import BoundedSemaphore
from typing import Final, TypeVar

from flask import request
from prometheus_client import CollectorRegistry, Counter
from sqlalchemy import Engine

from bukken_contract.own_writes import HEADER, Tokens, Write
from bukken_contract.problems import DatabaseUnavailable, ReaderBehind
from bukken_database.connections import reader_engine
from bukken_database.sessions import ReadDatabase, ReadSession, seconds_left, within
from query_api.queries import version_of
from query_api.settings import Settings

log = logging.getLogger(__name__)

T = TypeVar("T")
Question = Callable[[ReadSession], T]

# A standby here is behind by 57 ms at p99, Aurora's readers by 10 to 20. Each second waited is one
# in which a thread serves nobody else.
WAIT_SECONDS: Final = 0.3
_ASK_AGAIN_SECONDS: Final = 0.02
# By key: 3 s is what connecting takes at most, and the answer comes with it or not at all.
WRITER_SECONDS: Final = 3.0


class _Behind(Exception):
    """The server that was asked has not got the write yet."""


class Reads:
    """The reader, and behind it the writer for those who must see what they wrote."""

    def __init__(self, engine: Engine, *, settings: Settings, registry: CollectorRegistry) -> None:
        """The engine is the reader's; the writer's is made here."""
        self._seconds = settings.request_seconds
        self._reader = ReadDatabase(engine, request_seconds=self._seconds)
        self._writer = _writer(settings)
        self._tokens = Tokens(settings.consistency_secrets)
        # Half of the threads wait at most: the other half goes on for those who bring no token.
        self._waiting = BoundedSemaphore(settings.threads // 2)
        self._asking = BoundedSemaphore(settings.database_writer_pool_size)
        self._answers = Counter(
            "own_writes_late", "Queries ahead of the reader that have a token, by who answered.",
            ["by"], namespace="bukken", registry=registry,
        )  # fmt: skip
        for by in ("reader", "writer", "nobody"):
            self._answers.labels(by)  # 0 from the start: a rate needs a first value

    def run(self, question: Question[T], *, or_writer: bool = False) -> T:
        """The answer to this request's question, by a server that has the write of its token.

        Args:
            question: is asked of the reader.
            or_writer: it may be asked of the writer, too: it is cheap there.

        Raises:
            ConsistencyTokenRefused: the token is none of ours, or too old.
            ReaderBehind: nobody has the write that may be asked now.
            DatabaseUnavailable: no reader answers.
        """
        if (token := request.headers.get(HEADER)) is None:
            return self._reader.run(question)
        checked = partial(_checked, question=question, seen=self._tokens.write_of(token))
        until = time.monotonic() + WAIT_SECONDS
        with within(self._seconds):
            try:
                return self._reader.run(checked)
            except _Behind:
                return self._later(checked, until=until, of_writer=checked if or_writer else None)

    def find(self, question: Question[T | None], *, is_young: bool) -> T | None:
        """What the question finds, or None: where it may be too young for the reader, nowhere.

        Args:
            question: is asked of the reader, and of the writer if it has to be.
            is_young: the client may have written it a moment ago.

        Raises:
            ReaderBehind: the reader has none yet, and the writer may not be asked now.
            DatabaseUnavailable: nobody answers.
        """
        until = time.monotonic() + WAIT_SECONDS
        with within(self._seconds):
            found = self._reader.run(question)
            if found is not None or not is_young:
                return found
            there = partial(_there, question=question)
            return self._later(there, until=until, of_writer=question)

    def _later(self, question: Question[T], *, until: float, of_writer: Question[T] | None) -> T:
        with self._place(self._waiting, what="to wait"):
            while time.monotonic() < until:
                time.sleep(_ASK_AGAIN_SECONDS)
                with suppress(_Behind):
                    return self._counted(self._reader.run(question), by="reader")
            return self._of_the_writer(of_writer)

    def _of_the_writer(self, question: Question[T] | None) -> T:
        if question is None or self._writer is None or seconds_left() < WRITER_SECONDS:
            raise self._refused("the reader is behind")
        with self._place(self._asking, what="to ask the writer"):
            log.info("own write: the writer is asked")
            try:
                return self._counted(self._writer.run(question), by="writer")
            except _Behind:
                raise self._refused("the writer has it not") from None
            except DatabaseUnavailable as problem:
                raise self._refused("the writer is away") from problem

    @contextmanager
    def _place(self, places: BoundedSemaphore, *, what: str) -> Iterator[None]:
        """One of them, or none at all: who waits for a place to wait holds a thread as well."""
        if not places.acquire(blocking=False):
            raise self._refused(f"no place {what}")
        try:
            yield
        finally:
            places.release()

    def _counted(self, answer: T, *, by: str) -> T:
        self._answers.labels(by).inc()
        return answer

    def _refused(self, why: str) -> ReaderBehind:
        log.warning("own write: refused, %s", why)
        return self._counted(ReaderBehind("your write cannot be read yet; ask again"), by="nobody")

    def close(self) -> None:
        """Gives every connection back."""
        self._reader.close()
        if self._writer is not None:
            self._writer.close()


def _writer(settings: Settings) -> ReadDatabase | None:
    """The writer's endpoint as the reader's role, which can change nothing there either."""
    if settings.database_writer_host is None:
        return None
    there = {
        "database_host": settings.database_writer_host,
        "database_pool_size": settings.database_writer_pool_size,
    }
    engine = reader_engine(settings.model_copy(update=there), application="query-api-own-writes")
    return ReadDatabase(engine, request_seconds=WRITER_SECONDS)


def _checked(session: ReadSession, *, question: Question[T], seen: Write) -> T:
    if version_of(session, key=seen.listing_key) < seen.version:
        raise _Behind
    return question(session)


def _there(session: ReadSession, *, question: Question[T | None]) -> T | None:
    found = question(session)
    if found is None:
        raise _Behind
    return found
