"""Read your writes, on a standby whose replay is paused."""

import logging
import re
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest
from feeding import put, remove
from running_service import forwarded
from sqlalchemy import func, select
from waiting import wait_until
from werkzeug.test import TestResponse

from bukken_contract.own_writes import HEADER, Tokens, Write
from bukken_local.database.endpoint import Address
from query_api import own_writes
from query_api.app import create_app
from query_api.own_writes import WAIT_SECONDS, WRITER_SECONDS
from query_api.settings import Settings

if TYPE_CHECKING:
    from flask import Flask
    from migrated_database import MigratedDatabase

SECRET = "the exchange's"
TOKENS = Tokens(lambda: SECRET)
WRITER, NOBODY, SILENT = "127.0.0.9", "127.0.0.10", "127.0.0.11"
BEHIND = "urn:bukken:problem:reader-behind"
ASKED = "own write: the writer is asked"
NOT_BY_THE_WRITER = ("/v1/listings?ListingKey={}", "/v1/listing-keys?limit=10000",
    "/v1/exports/listings?limit=5000", "/v1/changes?after=0")  # fmt: skip
Make = Callable[..., "Flask"]
Resume = Callable[[], object]


@pytest.fixture(scope="module")
def reader(database: "MigratedDatabase", free_address: Callable[[], Address]) -> Iterator[Address]:
    """The reader's endpoint; the writer's has the same port, as it has everywhere."""
    address = free_address()
    to_the_writer = forwarded(Address(WRITER, address.port), to=database.primary)
    with forwarded(address, to=database.standby), to_the_writer:
        yield address


@pytest.fixture
def make(database: "MigratedDatabase", reader: Address) -> Iterator[Make]:
    """Makes a query-api that reads the standby and knows the writer."""
    with ExitStack() as stack:

        def make(**settings: Any) -> "Flask":  # noqa: ANN401 — a setting is of any type
            told = database.settings("bukken_reader").model_dump(exclude_none=True)
            told |= {"database_host": reader.host, "database_port": reader.port}
            own = {"database_writer_host": WRITER, "consistency_secret": SECRET} | settings
            app = create_app(Settings.model_validate(told | own))
            stack.callback(app.extensions["database"].close)
            return app

        yield make


@pytest.fixture
def writer(database: "MigratedDatabase") -> Iterator[psycopg.Connection[Any]]:
    """Writes as the command side does."""
    with database.connect("bukken_writer") as writer:
        writer.autocommit = True
        yield writer


@pytest.fixture
def key(database: "MigratedDatabase", writer: psycopg.Connection[Any]) -> Iterator[str]:
    """A listing that the standby has in version 1."""
    key = f"own-{uuid4()}"
    put(writer, key)
    with database.standby_of("bukken_reader") as standby:
        has = "SELECT count(*) FROM listings WHERE listing_key = %s"
        wait_until(lambda: standby.execute(has, [key]).fetchone() == (1,), what="it is there")
    yield key
    # Not TRUNCATE: its lock would be replayed, and wait there for whoever reads.
    writer.execute("DELETE FROM listings WHERE listing_key LIKE %s", [f"{key}%"])


@pytest.fixture
def behind(
    database: "MigratedDatabase", key: str, writer: psycopg.Connection[Any]
) -> Iterator[Resume]:
    """Version 2 is written, and the standby has it not until the function is called."""
    with database.replay_paused() as resume:
        put(writer, key)
        yield resume


def asked(app: "Flask", path: str, *, token: str | None) -> TestResponse:
    """The answer to a query, with a token or without."""
    return app.test_client().get(path, headers={} if token is None else {HEADER: token})


def own(app: "Flask", key: str, *, version: int = 2) -> TestResponse:
    """The answer to who wrote this version of a listing and reads it."""
    return asked(app, f"/v1/listings/{key}", token=TOKENS.of(Write(key, version)))


def timed(app: "Flask", key: str) -> tuple[str, float]:
    """The ETag or the problem's type, and after how many seconds."""
    began = time.monotonic()
    answer = own(app, key)
    return answer.headers.get("ETag") or answer.get_json()["type"], time.monotonic() - began


@pytest.mark.usefixtures("behind")
def test_who_wrote_sees_it(make: Make, key: str, caplog: pytest.LogCaptureFixture) -> None:
    """Without a token it is as the reader has it; with one the writer is asked, and counted."""
    caplog.set_level(logging.INFO)
    app = make()

    tags = [
        asked(app, f"/v1/listings/{key}", token=None).headers["ETag"],
        own(app, key).headers["ETag"],
    ]

    assert tags == ['"1-1"', '"2-1"']
    assert caplog.messages.count(ASKED) == 1
    assert counted(app) == {"reader": 0, "writer": 1, "nobody": 0}


@pytest.mark.usefixtures("behind")
def test_unless_the_version_is_compared_it_is_the_old_one(
    make: Make, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check in the query's own connection carries the promise."""
    monkeypatch.setattr(own_writes, "version_of", lambda _, *, key: 10 + len(key))

    assert own(make(), key).headers["ETag"] == '"1-1"'


@pytest.mark.usefixtures("behind")
def test_what_was_current_before_is_no_304(make: Make, key: str) -> None:
    """Who knows version 1 and has written version 2 is given version 2."""
    known = {HEADER: str(TOKENS.of(Write(key, 2))), "If-None-Match": '"1-1"'}

    assert make().test_client().get(f"/v1/listings/{key}", headers=known).status_code == 200


@pytest.mark.usefixtures("behind")
def test_a_newer_version_is_as_good(make: Make, key: str) -> None:
    """Who wrote version 1 does not wait for version 2 of somebody else."""
    assert own(make(database_writer_host=None), key, version=1).headers["ETag"] == '"1-1"'


@pytest.mark.usefixtures("behind")
def test_a_removal_is_seen_as_well(make: Make, key: str, writer: psycopg.Connection[Any]) -> None:
    """A tombstone has a version; the listing is gone for the one who removed it."""
    remove(writer, key)

    assert own(make(), key, version=3).status_code == 410


@pytest.mark.usefixtures("behind")
def test_a_token_shows_all_that_was_written_before(
    make: Make, key: str, writer: psycopg.Connection[Any]
) -> None:
    """A batch has one token, of its last line: with it each listing of the batch is read."""
    put(writer, f"{key}-last")
    token = TOKENS.of(Write(f"{key}-last", 1))

    assert asked(make(), f"/v1/listings/{key}", token=token).headers["ETag"] == '"2-1"'


def test_the_reader_is_given_a_moment(
    make: Make, key: str, behind: Resume, database: "MigratedDatabase",
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """What it replays meanwhile is read there; here there is no writer to ask."""
    monkeypatch.setattr(own_writes, "WAIT_SECONDS", 20)
    app = make(database_writer_host=None)
    checks = (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT bukken.listings.version%'"
    )
    with ThreadPoolExecutor(1) as pool, database.standby_of("bukken_master") as standby:
        answer = pool.submit(own, app, key)
        wait_until(lambda: standby.execute(checks).fetchone() != (0,), what="the reader is asked")
        behind()

        assert answer.result(20).headers["ETag"] == '"2-1"'
    assert counted(app) == {"reader": 1, "writer": 0, "nobody": 0}


@pytest.mark.parametrize("path", NOT_BY_THE_WRITER)
def test_what_costs_more_is_left_to_the_reader(
    path: str, make: Make, key: str, behind: Resume, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """Once the reader has the write it is 200, until then 503; the writer is not asked."""
    caplog.set_level(logging.INFO)
    app, token = make(), TOKENS.of(Write(key, 2))
    page = path.format(key)

    refused, without = asked(app, page, token=token), asked(app, page, token=None)
    behind()
    wait_until(lambda: asked(app, page, token=token).status_code == 200, what="the page is served")

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert (refused.get_json()["type"], without.status_code) == (BEHIND, 200)
    assert ASKED not in caplog.messages


def counted(app: "Flask") -> dict[str, float]:
    """What Prometheus is told: by whom queries were answered that came too early."""
    text = app.test_client().get("/metrics").text
    found = re.findall(r'^bukken_own_writes_late_total\{by="(\w+)"\} (\S+)$', text, re.MULTILINE)
    return {by: float(number) for by, number in found}


@contextmanager
def locked(database: "MigratedDatabase") -> Iterator[Callable[[int], None]]:
    """Who reads listings on the writer waits; a function that waits until so many do."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'relation' AND usename = %s"
    with database.connect("bukken_master") as master, database.connect("bukken_master") as other:
        other.autocommit = True
        master.execute("LOCK TABLE bukken.listings IN ACCESS EXCLUSIVE MODE")
        yield lambda number: wait_until(
            lambda: other.execute(waiting, ["bukken_reader"]).fetchone() == (number,),
            what=f"{number} ask the writer",
        )


@pytest.mark.usefixtures("behind")
@pytest.mark.parametrize("cap", [2, 4])
def test_only_so_many_ask_the_writer(
    cap: int, make: Make, key: str, database: "MigratedDatabase"
) -> None:
    """Of four, as many as may; the others are 503 as soon as they have waited for the reader."""
    app = make(database_writer_pool_size=cap)
    with ThreadPoolExecutor(4) as pool:
        with locked(database) as until_asked_by:
            answers = [pool.submit(timed, app, key) for _ in range(4)]
            until_asked_by(cap)
            wait_until(lambda: sum(map(Future.done, answers)) == 4 - cap, what="the others end")
            refused = [answer.result() for answer in answers if answer.done()]

        told = sorted(answer.result()[0] for answer in answers)
    assert told == ['"2-1"'] * cap + [BEHIND] * (4 - cap)
    assert all(seconds < WAIT_SECONDS + 1 for _, seconds in refused)


@pytest.mark.usefixtures("behind")
def test_half_of_the_threads_never_wait(make: Make, key: str, database: "MigratedDatabase") -> None:
    """The next one with a token is 503 at once, and who has none is served."""
    app = make(threads=2)
    with ThreadPoolExecutor(1) as pool:
        with locked(database) as until_asked_by:
            first = pool.submit(own, app, key)
            until_asked_by(1)
            told, seconds = timed(app, key)
            without = asked(app, f"/v1/listings/{key}", token=None)

        assert (told, without.status_code, first.result().status_code) == (BEHIND, 200, 200)
    assert seconds < WAIT_SECONDS


@pytest.mark.usefixtures("behind")
@pytest.mark.parametrize(("host", "within"), [(None, 0.0), (NOBODY, 1.0), (SILENT, WRITER_SECONDS)])
def test_with_the_writer_away_it_is_a_quick_503(
    host: str | None, within: float, make: Make, key: str, reader: Address
) -> None:
    """None is told, nobody listens, or it says nothing: no request waits its whole time for it."""
    with socket.create_server((SILENT, reader.port)):
        told, seconds = timed(make(database_writer_host=host), key)

    assert told == BEHIND
    assert seconds < WAIT_SECONDS + within + 1


@pytest.mark.usefixtures("behind")
def test_a_write_nobody_has_is_503(make: Make, key: str) -> None:
    """It was lost with a writer: asked for as long as its token lives, and nobody is told a lie."""
    app = make()

    answer = own(app, key, version=3)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert (answer.get_json()["type"], counted(app)["nobody"]) == (BEHIND, 1)


@pytest.mark.usefixtures("behind")
def test_on_the_writer_it_is_a_reader(make: Make, key: str) -> None:
    """By its role and by its session: whatever is wrong here, nothing is changed there."""
    app, token = make(), str(TOKENS.of(Write(key, 2)))
    who = select(
        func.current_user(), func.current_setting("transaction_read_only"), func.pg_is_in_recovery()
    )
    with app.test_request_context(headers={HEADER: token}):
        row = app.extensions["database"].run(lambda session: session.row(who), or_writer=True)

    assert tuple(row.values()) == ("bukken_reader", "on", False)
