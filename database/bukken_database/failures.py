"""What a database error means for the one who asked: the one table for both drivers.

Failure    what happened                                         what is done
GONE       the connection or its server is lost, or the writer   drop it, try again on a new one
           is a writer no more (25006)
SILENT     the server keeps the connection and says nothing      drop it; 503, since it was waited
                                                                 for already
CONFLICT   two transactions stood in each other's way            try the unit of work again
SLOW       a time-out: statement, lock, or waiting for the pool  503 at once; trying again feeds it
None       anything else is our mistake                          500, and an entry in the log
"""

from enum import Enum, auto
from typing import Final

from asyncpg import InterfaceError  # type: ignore[import-untyped] # it ships no types
from psycopg import errors
from sqlalchemy import exc


class Failure(Enum):
    """How to go on after a database error."""

    GONE = auto()
    SILENT = auto()
    CONFLICT = auto()
    SLOW = auto()


# By SQLSTATE, exact or by class (its first two characters). PostgreSQL, appendix A.
_BY_SQLSTATE = {
    "08": Failure.GONE,  # connection exceptions
    "0A000": Failure.CONFLICT,  # a prepared statement whose table a migration has just changed
    "25006": Failure.GONE,  # read-only: this server is the writer no more
    "25P03": Failure.GONE,  # idle in transaction for too long
    "25P04": Failure.GONE,  # transaction for too long
    "28000": Failure.GONE,  # a role that may not log in now
    "28P01": Failure.GONE,  # a rotated password: the next connection reads the new one
    "3D000": Failure.GONE,  # a database that is not there yet
    "40001": Failure.CONFLICT,  # serialization, or a standby's replay that cancelled a query
    "40P01": Failure.CONFLICT,  # deadlock
    "53": Failure.SLOW,  # out of disk, of memory: trying again feeds it
    "53300": Failure.GONE,  # too many connections
    "55000": Failure.GONE,  # a database that takes no connections now
    "55P03": Failure.SLOW,  # lock_timeout
    "57014": Failure.SLOW,  # statement_timeout
    "57P01": Failure.GONE,  # admin shutdown
    "57P02": Failure.GONE,  # crash shutdown
    "57P03": Failure.GONE,  # starting up, not accepting connections
    "57P04": Failure.GONE,  # database dropped
    "57P05": Failure.GONE,  # idle session time-out
    "58": Failure.SLOW,  # the server's own disk or system fails it
}

# A refusal that carries no SQLSTATE and is no OperationalError: asyncpg's words for
# `target_session_attrs=read-write` on a server that is read-only.
_NO_HOST = "none of the hosts match"

# asyncpg raises Python's own, and so does the system for a peer that vanished. psycopg's second is
# what its waits raise: the one name it has for it.
_TIME_OUTS: Final = (TimeoutError, errors.ConnectionTimeout, errors._WaitTimeout)  # noqa: SLF001 — see above


def sqlstate_of(error: BaseException) -> str | None:
    """The SQLSTATE below SQLAlchemy's wrapping; asyncpg and psycopg both call it sqlstate."""
    original = getattr(error, "orig", None) or error
    return getattr(original, "sqlstate", None)


def failure_of(error: BaseException) -> Failure | None:
    """What this error means, or None when it is none of the database's."""
    if isinstance(error, exc.TimeoutError):
        return Failure.SLOW
    state = sqlstate_of(error)
    if state is not None:
        return _BY_SQLSTATE.get(state) or _BY_SQLSTATE.get(state[:2])
    if isinstance(getattr(error, "orig", None) or error, _TIME_OUTS):
        return Failure.SILENT
    return Failure.GONE if _is_lost(error) else None


def _is_lost(error: BaseException) -> bool:
    """Without SQLSTATE: refused (OSError), killed (invalidated), or killed while it was made."""
    if isinstance(error, OSError | InterfaceError):
        return True
    if not isinstance(error, exc.DBAPIError):
        return False
    refused = isinstance(error, exc.OperationalError) or _NO_HOST in str(error.orig).lower()
    return error.connection_invalidated or refused
