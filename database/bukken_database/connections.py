"""How connections are made, checked, aged and given up: the one place for both drivers.

The writer speaks asyncpg, the reader psycopg; the rules are the same. After a failover Aurora's
old writer comes back read-only at the address it had, so a connection must be young, checked when
it is taken out, and refused at birth by a server that cannot do the work.
"""

import math
import socket
import ssl
import time
from contextvars import ContextVar
from datetime import date
from typing import Any, Final

import psycopg
from psycopg import errors
from psycopg.abc import RV, PQGen
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import ExceptionContext, IsolationLevel
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bukken_database.failures import Failure, failure_of
from bukken_database.pings import ask_when_taken_out, ping_asyncpg, psycopg_ping
from bukken_database.settings import DatabaseSettings

# Seconds. Together they stay below a request's deadline (12 s): wait 2 + ask what is in the pool 1
# (pings.py) + connect 3 + statement 5.
POOL_WAIT_SECONDS: Final = 2
CONNECT_SECONDS: Final = 3
STATEMENT_SECONDS: Final = 5
IDLE_IN_TRANSACTION_SECONDS: Final = 10
# Our own limit, for a server that does not answer at all: a second above the server's, which says
# better what happened.
SILENCE_SECONDS: Final = STATEMENT_SECONDS + 1
# After the deadline, for what is already on its way.
_SHORTEST_SECONDS: Final = 0.1
LOCK_SECONDS: Final = 4

# When the request must be answered, by time.monotonic(): no wait for a server lasts beyond it. The
# command side's waits are ended by asyncio; a thread that waits can only be told before.
DEADLINE: Final[ContextVar[float]] = ContextVar("deadline", default=math.inf)

# Aurora's reader endpoint picks an instance for each new connection: connections that live for
# hours would leave a new reader idle. The writer's live longer, since only a failover moves it.
WRITER_MAX_AGE_SECONDS: Final = 300
READER_MAX_AGE_SECONDS: Final = 120

# A peer that vanished without a word is noticed within idle + interval × count = 11 s.
_KEEPALIVE: Final = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}

_RULES: Final[dict[str, Any]] = {
    "max_overflow": 0,
    "pool_timeout": POOL_WAIT_SECONDS,
    "hide_parameters": True,  # an error's text must not carry what people wrote
}

_SESSION: Final = {
    "TimeZone": "UTC",  # a time is written in the session's zone: the same bytes on every server
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    "lock_timeout": f"{LOCK_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_SECONDS}s",
}


def writer_engine(settings: DatabaseSettings, *, application: str) -> AsyncEngine:
    """Connections that can write, or none."""
    engine = create_async_engine(
        _url(settings, driver="postgresql+asyncpg"),
        pool_size=settings.database_pool_size,
        pool_recycle=WRITER_MAX_AGE_SECONDS,
        connect_args={
            "timeout": CONNECT_SECONDS,
            "command_timeout": SILENCE_SECONDS,
            "target_session_attrs": "read-write",
            "server_settings": {"application_name": application, **_SESSION},
            "ssl": _asyncpg_tls(settings),
        },
        **_RULES,
    )
    event.listen(engine.sync_engine, "connect", _keep_alive)
    event.listen(engine.sync_engine, "connect", _send_dates_as_they_are)
    event.listen(engine.sync_engine, "invalidate", _leave_without_goodbye)
    ask_when_taken_out(engine.sync_engine, ping=ping_asyncpg)
    _obey_rules(engine.sync_engine, settings)
    return engine


def reader_engine(settings: DatabaseSettings, *, application: str) -> Engine:
    """Connections that read, on whatever server answers (a cluster of one must work too)."""
    session = _SESSION | {"default_transaction_read_only": "on"}
    engine = _psycopg_engine(
        settings,
        application=application,
        session=session,
        age=READER_MAX_AGE_SECONDS,
        # BEGIN and ROLLBACK around one statement are two answers more to wait for.
        isolation_level="AUTOCOMMIT",
    )
    # For the reader alone: a migration may take its time. And after the listener that adds the
    # password: the first to return a connection is the last to be asked.
    event.listen(engine, "do_connect", _connect_impatiently)
    return engine


def job_engine(settings: DatabaseSettings, *, application: str) -> Engine:
    """Connections for bootstrap and migrations, which set their own limits."""
    return _psycopg_engine(
        settings, application=application, session={}, age=WRITER_MAX_AGE_SECONDS
    )


class _Impatient(psycopg.Connection[Any]):
    """Gives up a server that keeps the connection and says nothing, as asyncpg can by itself.

    libpq has no such limit: each such server would cost a thread for ever, and the last thread is
    the one that says that the process lives.
    """

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Waits for the server's answer: at most SILENCE_SECONDS, and not beyond the deadline."""
        left = max(DEADLINE.get() - time.monotonic(), _SHORTEST_SECONDS)
        try:
            return super().wait(gen, interval, min(left, SILENCE_SECONDS, timeout or math.inf))
        except errors._WaitTimeout:  # noqa: SLF001 — the one name psycopg has for it
            self.pgconn.finish()  # what it would still answer belongs to nobody
            raise


def _connect_impatiently(
    _dialect: object, _record: object, arguments: tuple[Any, ...], named: dict[str, Any]
) -> _Impatient:
    return _Impatient.connect(*arguments, **named)


def _psycopg_engine(
    settings: DatabaseSettings,
    *,
    application: str,
    session: dict[str, str],
    age: int,
    isolation_level: IsolationLevel | None = None,
) -> Engine:
    arguments: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "tcp_user_timeout": STATEMENT_SECONDS * 1000,
        "application_name": application,
        "options": " ".join(f"-c {name}={value}" for name, value in session.items()),
        "sslmode": settings.database_tls,
        **_KEEPALIVE,
    }
    if settings.database_ca_file:
        arguments["sslrootcert"] = str(settings.database_ca_file)
    engine = create_engine(
        _url(settings, driver="postgresql+psycopg"),
        pool_size=settings.database_pool_size,
        pool_recycle=age,
        connect_args=arguments,
        isolation_level=isolation_level,
        **_RULES,
    )
    ask_when_taken_out(engine, ping=psycopg_ping(engine, deadline=DEADLINE))
    _obey_rules(engine, settings)
    return engine


def _url(settings: DatabaseSettings, *, driver: str) -> URL:
    return URL.create(
        driver,
        username=settings.database_user,
        host=settings.database_host,
        port=settings.database_port,
        database=settings.database_name,
    )


def _obey_rules(engine: Engine, settings: DatabaseSettings) -> None:
    """The password of now for each new connection; no second use of a connection that is gone."""

    @event.listens_for(engine, "do_connect")
    def _with_password(_dialect: Any, _record: Any, _arguments: Any, named: dict[str, Any]) -> None:  # noqa: ANN401 — SQLAlchemy's own signature
        if (password := settings.database_secret()) is not None:
            named["password"] = password

    @event.listens_for(engine, "handle_error")
    def _drop_what_is_gone(context: ExceptionContext) -> None:
        """A demoted writer answers 25006 on a sound connection: SQLAlchemy would keep it."""
        failure = failure_of(context.sqlalchemy_exception or context.original_exception)
        if failure in {Failure.GONE, Failure.SILENT}:
            context.is_disconnect = True


def _keep_alive(connection: Any, _record: object) -> None:  # noqa: ANN401 — SQLAlchemy's own signature
    """Sets libpq's three options by hand: asyncpg has none for keepalive."""
    transport = connection.driver_connection._transport  # noqa: SLF001 — asyncpg shows it nowhere else
    sock: socket.socket = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE["keepalives_idle"])
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEPALIVE["keepalives_interval"])
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _KEEPALIVE["keepalives_count"])


def _send_dates_as_they_are(connection: Any, _record: object) -> None:  # noqa: ANN401 — SQLAlchemy's own signature
    """By itself asyncpg writes the first and the last day of Python's calendar as ±infinity.

    9999-12-31 is what many producers write for a day that is not known, and partners would be sent
    "infinity" for it.
    """
    codec = {"encoder": date.isoformat, "decoder": date.fromisoformat, "format": "text"}
    connection.run_async(lambda driver: driver.set_type_codec("date", schema="pg_catalog", **codec))


def _leave_without_goodbye(connection: Any, _record: object, _error: object) -> None:  # noqa: ANN401 — SQLAlchemy's own signature
    """A connection that is given up may be a hung server's, for whose goodbye asyncpg waits 2 s.

    Those would come on top of a request that has had its time. What the server was doing for us, it
    ends by itself (statement_timeout).
    """
    connection.driver_connection.terminate()


def _asyncpg_tls(settings: DatabaseSettings) -> str | ssl.SSLContext:
    if settings.database_tls != "verify-full":
        return settings.database_tls
    return ssl.create_default_context(
        cafile=str(settings.database_ca_file) if settings.database_ca_file else None
    )
