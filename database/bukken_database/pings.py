"""Whether a pool's connection still lives: asked when it is taken out, without much patience.

Why not SQLAlchemy's `pool_pre_ping`? Its question may take as long as a statement: on a server that
hangs, a request lost 6 s to the first connection it took and as many to the next one. And with
asyncpg it is three round trips where one will do.
"""

import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from sqlalchemy import Engine, event, exc
from sqlalchemy.pool import ConnectionPoolEntry

# A sound server answers within milliseconds. On one that is too busy for a second a connection is
# lost for nothing, and made anew in less time than a statement takes there.
PING_SECONDS: Final = 1.0

_IS_NEW: Final = "bukken_is_new"


def ask_when_taken_out(engine: Engine, *, ping: Callable[[Any], object]) -> None:
    """Replaces each connection that does not answer.

    No other is given up with it: where the server is gone each will say so itself, and where it is
    not, a whole pool that came back at once would be a storm.

    Args:
        engine: its pool has no `pool_pre_ping`.
        ping: asks a connection of the driver's for a sign of life; raises whatever it will.
    """

    @event.listens_for(engine, "connect")
    def _was_just_made(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info[_IS_NEW] = True

    @event.listens_for(engine, "checkout")
    def _lives(connection: object, record: ConnectionPoolEntry, _: object) -> None:
        if record.info.pop(_IS_NEW, False):
            return
        try:
            ping(connection)
        except Exception as error:  # whatever it is: who does not answer is good for nothing
            raise exc.DisconnectionError from error


def ping_asyncpg(connection: Any) -> None:  # noqa: ANN401 — SQLAlchemy's own, of no public type
    """An empty statement: what asyncpg sends in one round trip."""
    connection.run_async(lambda own: own.fetchrow(";", timeout=PING_SECONDS))


def psycopg_ping(engine: Engine, *, deadline: ContextVar[float]) -> Callable[[Any], object]:
    """SQLAlchemy's question, within a time of its own.

    Args:
        engine: whose dialect asks.
        deadline: until when its connections wait, by time.monotonic().
    """

    def ping(connection: Any) -> None:  # noqa: ANN401 — SQLAlchemy's own
        outer = deadline.set(min(deadline.get(), time.monotonic() + PING_SECONDS))
        try:
            engine.dialect.do_ping(connection)
        finally:
            deadline.reset(outer)

    return ping
