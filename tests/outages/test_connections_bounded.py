"""However many ask, and whatever the database does, the services open what their pools have."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Final

import pytest
from staged_outage import CALLS, PRIMARY, STANDBY, Answer, Exchange, hung, kill_sessions
from waiting import wait_until

from command_api.settings import Settings as CommandSettings
from query_api.settings import Settings as QuerySettings

CLIENTS: Final = 40
# By the name under which a session is seen, and the server it is on. One connection of
# command-api's pool is the sequencer's alone.
COMMANDS: Final = CommandSettings.model_fields["database_pool_size"].default - 1
MOST: Final = {
    ("command-api", PRIMARY): COMMANDS,
    ("command-api-feed", PRIMARY): 1,
    ("query-api", STANDBY): QuerySettings.model_fields["database_pool_size"].default,
}
# What has not yet said its name counts too: a session that is being made.
SESSIONS: Final = (
    "SELECT coalesce(nullif(application_name, ''), 'new'), count(*) FROM pg_stat_activity"
    " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    " AND (usename IS NULL OR usename IN ('bukken_writer', 'bukken_reader')) GROUP BY 1"
)


class Watch:
    """The most sessions seen at once, by name and server."""

    def __init__(self, exchange: Exchange, *, answers: list[Answer]) -> None:
        self._exchange = exchange
        self._answers = answers
        self.most: dict[tuple[str, str], int] = {}

    def look(self) -> int:
        """Counts once, and says how many answers there are by now."""
        for server in (PRIMARY, STANDBY):
            for name, count in self._exchange.as_master(SESSIONS, of=server):
                self.most[name, server] = max(count, self.most.get((name, server), 0))
        return len(self._answers)


@contextmanager
def clients(exchange: Exchange) -> Iterator[list[Answer]]:
    """Many ask without a pause while this is open: what they were answered."""
    stop, answers = threading.Event(), []

    def ask(number: int) -> None:
        calls = list(CALLS.values())
        while not stop.is_set():
            answers.append(exchange.ask(calls[number % len(calls)]))

    with ThreadPoolExecutor(CLIENTS) as pool:
        asking = [pool.submit(ask, number) for number in range(CLIENTS)]
        try:
            yield answers
        finally:
            stop.set()
    for one in asking:
        one.result()


@contextmanager
def both_away(exchange: Exchange) -> Iterator[None]:
    """Nobody listens at either endpoint."""
    exchange.writer.close()
    exchange.reader.close()
    yield
    exchange.writer.lead(exchange.cluster.primary)
    exchange.reader.lead(exchange.cluster.standby)


@contextmanager
def both_hung(exchange: Exchange) -> Iterator[None]:
    """Both servers say nothing."""
    with hung(exchange, PRIMARY), hung(exchange, STANDBY):
        yield


@contextmanager
def killed(exchange: Exchange) -> Iterator[None]:
    """All sessions are ended at once."""
    kill_sessions(exchange)
    yield


@pytest.mark.parametrize("harm", [both_away, both_hung, killed])
def test_no_storm_beyond_the_pools_under_load_and_after_an_outage(
    exchange: Exchange, harm: Callable[[Exchange], AbstractContextManager[None]]
) -> None:
    """Forty clients that never pause, an outage in the middle: never a session too many."""
    with clients(exchange) as answers:
        watch = Watch(exchange, answers=answers)
        wait_until(lambda: len(answers) > 2 * CLIENTS, what="they are served")
        watch.look()
        with harm(exchange):
            refused_before = len(answers)
            wait_until(lambda: len(answers) > refused_before + CLIENTS, what="they are answered")
        back = len(answers)
        wait_until(lambda: watch.look() > back + 3 * CLIENTS, what="they are served again")

    too_many = {at: most for at, most in watch.most.items() if most > MOST.get(at, COMMANDS)}
    assert too_many == {}
    assert {answer.status for answer in answers} <= {200, 201, 204, 503}
