"""Every way in which the database goes away × every public call (architecture § 7).

A call is served, or refused in a moment: 503 with Retry-After, never a 500, never a wait without
end; and when the database is back it is served by the same processes.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Final, NamedTuple

import pytest
from migrated_database import PASSWORDS
from staged_outage import (
    CALLS,
    PRIMARY,
    STANDBY,
    STORAGE,
    Answer,
    Exchange,
    crash,
    hung,
    kill_sessions,
)
from waiting import wait_until

# Three attempts that are refused, and the pauses between them: 0.5 s at most.
AT_ONCE: Final = 2.0
# Asking a connection of the pool (1 s), then a new one (3 s).
HUNG: Final = 6.0
# The same, and a statement that was under way (6 s).
HUNG_UNDER_WAY: Final = 9.0


@contextmanager
def writer_away(exchange: Exchange) -> Iterator[None]:
    """Nobody listens at the writer endpoint."""
    exchange.writer.close()
    yield
    exchange.writer.lead(exchange.cluster.primary)


@contextmanager
def reader_away(exchange: Exchange) -> Iterator[None]:
    """Nobody listens at the reader endpoint."""
    exchange.reader.close()
    yield
    exchange.reader.lead(exchange.cluster.standby)


@contextmanager
def writer_demoted(exchange: Exchange) -> Iterator[None]:
    """The writer endpoint leads to a server that only reads, as it may after a failover."""
    exchange.writer.lead(exchange.cluster.standby)
    yield
    exchange.writer.lead(exchange.cluster.primary)


def primary_hung(exchange: Exchange) -> AbstractContextManager[None]:
    """It keeps its connections, takes new ones, and says nothing."""
    return hung(exchange, PRIMARY)


def standby_hung(exchange: Exchange) -> AbstractContextManager[None]:
    """The same of the reader's server."""
    return hung(exchange, STANDBY)


def storage_hung(exchange: Exchange) -> AbstractContextManager[None]:
    """What is committed is not acknowledged."""
    return hung(exchange, STORAGE)


def standby_lagging(exchange: Exchange) -> AbstractContextManager[object]:
    """It stays as it is, whatever is written."""
    return exchange.database.replay_paused()


@contextmanager
def restarted(exchange: Exchange) -> Iterator[None]:
    """Both servers crash, and are started again."""
    crash(exchange)
    yield
    exchange.mend()


@contextmanager
def sessions_killed(exchange: Exchange) -> Iterator[None]:
    """Every session of both services is ended, and may come again."""
    kill_sessions(exchange)
    yield


@contextmanager
def passwords_changed(exchange: Exchange) -> Iterator[None]:
    """The services still have the old ones; the new ones come to their files a while later."""
    new = {role: f"new {password}" for role, password in PASSWORDS.items()}
    exchange.database.bootstrap(passwords=new)
    until_replayed(exchange)
    kill_sessions(exchange)
    yield
    for role, password in new.items():
        exchange.passwords[role].write_text(password)


def until_replayed(exchange: Exchange) -> None:
    """Waits until the standby has what the primary has."""
    ((there,),) = exchange.as_master("SELECT pg_current_wal_lsn()::text")
    has = f"SELECT pg_last_wal_replay_lsn() >= '{there}'"
    wait_until(
        lambda: exchange.as_master(has, of=STANDBY) == [(True,)],
        what="the standby has replayed what was written",
    )


@contextmanager
def no_session_free(exchange: Exchange) -> Iterator[None]:
    """53300: the server has as many sessions as it may."""
    _limit_sessions(exchange, most=0)
    kill_sessions(exchange)
    yield
    _limit_sessions(exchange, most=-1)


def _limit_sessions(exchange: Exchange, *, most: int) -> None:
    for role in ("bukken_writer", "bukken_reader"):
        exchange.as_master(f"ALTER ROLE {role} CONNECTION LIMIT {most}")
    until_replayed(exchange)


SERVED: Final = "served"
REFUSED: Final = "refused"


class Fault(NamedTuple):
    """What is done to the database, and what a client may then see within which time."""

    harm: Callable[[Exchange], AbstractContextManager[object]]
    writes: str
    reads: str
    seconds: float


FAULTS: Final[Mapping[str, Fault]] = {
    "writer away": Fault(writer_away, REFUSED, SERVED, AT_ONCE),
    "reader away": Fault(reader_away, SERVED, REFUSED, AT_ONCE),
    "writer demoted": Fault(writer_demoted, REFUSED, SERVED, AT_ONCE),
    "primary hung": Fault(primary_hung, REFUSED, SERVED, HUNG),
    "standby hung": Fault(standby_hung, SERVED, REFUSED, HUNG),
    "storage hung": Fault(storage_hung, REFUSED, SERVED, HUNG_UNDER_WAY),
    "standby lagging": Fault(standby_lagging, SERVED, SERVED, AT_ONCE),
    "servers restarted": Fault(restarted, REFUSED, REFUSED, AT_ONCE),
    "sessions killed": Fault(sessions_killed, SERVED, SERVED, AT_ONCE),
    "passwords changed": Fault(passwords_changed, REFUSED, REFUSED, AT_ONCE),
    "no session free": Fault(no_session_free, REFUSED, REFUSED, AT_ONCE),
}


class Seen(NamedTuple):
    """All calls' answers during an outage and after it."""

    fault: Fault
    during: Mapping[str, Answer]
    afterwards: Mapping[str, Answer]


@pytest.fixture(scope="module", params=FAULTS)
def seen(request: pytest.FixtureRequest, exchange: Exchange) -> Seen:
    """An outage, once for all calls: they are asked at the same time, as clients do."""
    fault: Fault = FAULTS[request.param]
    wait_until(lambda: all_served(exchange.ask_all()), what="all is well before")
    with fault.harm(exchange):
        during = exchange.ask_all()
    exchange.mend()
    return Seen(fault, during, exchange.ask_all())


def all_served(answers: Mapping[str, Answer]) -> bool:
    """Whether each call is."""
    return all(answer.is_served for answer in answers.values())


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_served_or_refused_in_a_moment(seen: Seen, name: str) -> None:
    """As the table has it: 503 with Retry-After in the one shape, or the answer itself."""
    answer = seen.during[name]
    expected = seen.fault.writes if CALLS[name].is_write else seen.fault.reads

    assert answer.is_served if expected is SERVED else answer.is_refusal, str(answer)
    assert answer.seconds < seen.fault.seconds, str(answer)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_served_when_the_database_is_back(seen: Seen, name: str) -> None:
    """By the same processes, the first time it is asked."""
    answer = seen.afterwards[name]

    assert answer.is_served, str(answer)
