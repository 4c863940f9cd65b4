"""Whatever becomes of an inquiry: its person stands in no log, PostgreSQL's own included."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from inquiring import PATH, TRACES, inquiry_about, keep, request_of
from psycopg import errors
from running_command_api import Members, RunningCommandApi, Service
from waiting import wait_until

if TYPE_CHECKING:
    import httpx
    from migrated_database import MigratedDatabase
    from postgres_servers import Servers

Start = Callable[..., RunningCommandApi]
Loudly = Callable[[str], None]
EVERYTHING = "log_min_duration_statement = 0"


@pytest.fixture
def loudly(database: "MigratedDatabase") -> Iterator[Loudly]:
    """A function that sets what the writer's sessions log, from the next one on."""
    with database.connect("bukken_master") as master:
        master.autocommit = True

        def loudly(setting: str) -> None:
            master.execute(f"ALTER ROLE bukken_writer SET {setting}")

        yield loudly
        master.execute("ALTER ROLE bukken_writer RESET log_min_duration_statement")


@pytest.fixture
def listing(service: Service, key: str, members: Members) -> str:
    """The key of a listing that partners see."""
    assert service.put(key, members).status_code == 201
    return key


@contextmanager
def refused_by_the_table(database: "MigratedDatabase") -> Iterator[None]:
    """A check that no row passes: PostgreSQL's message for it would show the row."""
    with database.connect("bukken_migrator") as owner:
        owner.execute("ALTER TABLE inquiries ADD CONSTRAINT nobody CHECK (name = '') NOT VALID")
        owner.commit()
        try:
            yield
        finally:
            owner.execute("ALTER TABLE inquiries DROP CONSTRAINT nobody")


class PostgresLog:
    """What PostgreSQL logs from here on."""

    def __init__(self, database: "MigratedDatabase", *, servers: "Servers") -> None:
        self._database = database
        self._servers = servers
        self._begin = self._mark()

    def text(self) -> str:
        """All of it until now."""
        end = self._mark()
        return self._servers.log().partition(self._begin)[2].partition(end)[0]

    def _mark(self) -> str:
        mark = f"mark {uuid4()}"
        with self._database.connect("bukken_master") as master:
            master.execute(f"DO $$ BEGIN RAISE LOG '{mark}'; END $$")
        wait_until(lambda: mark in self._servers.log(), what="PostgreSQL's log is written")
        return mark


@pytest.fixture
def postgres_log(database: "MigratedDatabase", servers: "Servers") -> PostgresLog:
    """What is logged during a test."""
    return PostgresLog(database, servers=servers)


def traces_in(text: str) -> list[str]:
    """What of the person stands there, as it is or as JSON or Python would escape it."""
    escaped = [json.dumps(trace).strip('"') for trace in TRACES]
    return [trace for trace in (*TRACES, *escaped) if trace in text]


def everything_happens(
    running: RunningCommandApi, database: "MigratedDatabase", listing: str
) -> "dict[str, httpx.Response]":
    """Accepted, repeated, refused in every way, failed by the table, and too slow for it."""
    request = request_of(inquiry_about(listing))
    odd = inquiry_about(listing, Email="himitsu.taro@", Phone="9876-5432", 山田="内見")
    named = {
        "accepted": request,
        "again": request,
        "reused": {**request, **request_of(inquiry_about(listing, Message="Ohimitsu!"))}
        | {"headers": request["headers"]},
        "faulty": request_of(odd),
        "no JSON": request_of(odd) | {"content": '{"FullName": "山田 Himitsutaro'},
        "twice": request_of(odd) | {"content": '{"FullName": "山田", "FullName": "山田"}'},
        "unknown listing": request_of(inquiry_about("himitsu-nowhere")),
    }
    answers = {name: running.send("POST", PATH, **each) for name, each in named.items()}
    with refused_by_the_table(database):
        other = request_of(inquiry_about(listing))
        answers["failed"] = running.send("POST", PATH, **other)
    with database.connect("bukken_master") as master:
        master.execute("LOCK TABLE bukken.inquiries IN ACCESS EXCLUSIVE MODE")
        answers["slow"] = running.send("POST", PATH, **other)
    return answers


def test_whatever_happens_no_log_has_the_person(
    start: Start, database: "MigratedDatabase", postgres_log: PostgresLog, listing: str,
    loudly: Loudly,
) -> None:  # fmt: skip
    """Each statement is logged, the slow and the failing ones too, and the app says all it can."""
    loudly(EVERYTHING)
    running = start(BUKKEN_LOG_LEVEL="debug").until_ready()
    answers = everything_happens(running, database, listing)
    log = postgres_log.text()

    assert {name: answer.status_code for name, answer in answers.items()} == {
        "accepted": 202, "again": 202, "reused": 422, "faulty": 422, "no JSON": 400, "twice": 400,
        "unknown listing": 422, "failed": 500, "slow": 503,
    }  # fmt: skip
    assert "INSERT INTO bukken.inquiries" in log
    assert 'violates check constraint "nobody"' in log
    assert "canceling statement due to lock timeout" in log
    # A name that is no field of ours is the client's own to read: it is repeated to nobody else.
    told = [answer.text for name, answer in answers.items() if name not in {"faulty", "twice"}]
    assert traces_in("\n".join([log, running.log.read_text(), *told])) == []


def test_the_search_finds_what_a_careless_server_logs(
    database: "MigratedDatabase", postgres_log: PostgresLog
) -> None:
    """The control: with parameters in the log, the same search finds the person."""
    with database.connect("bukken_master") as master:
        for setting in ("log_error_verbosity = 'default'", "log_parameter_max_length = -1"):
            master.execute(f"SET {setting}")
        master.execute(f"SET {EVERYTHING}")
        keep(master, "careless")
        master.rollback()

    assert traces_in(postgres_log.text())


def test_a_duplicate_is_logged_without_what_it_repeats(
    database: "MigratedDatabase", postgres_log: PostgresLog, loudly: Loudly
) -> None:
    """Nor a row that breaks a rule, by whatever hand it is written."""
    loudly(EVERYTHING)
    with database.connect("bukken_writer") as writer:
        writer.autocommit = True
        key = keep(writer)
        with pytest.raises(errors.UniqueViolation):
            keep(writer, key)
        with pytest.raises(errors.CheckViolation):
            writer.execute("UPDATE inquiries SET state = 'lost' WHERE inquiry_key = %s", [key])
        with pytest.raises(errors.StringDataRightTruncation):
            writer.execute("UPDATE inquiries SET name = repeat(%s, 50)", ["Himitsutaro"])
    log = postgres_log.text()

    assert "duplicate key value violates unique constraint" in log
    assert traces_in(log) == []
