"""What was accepted a moment ago, asked of a standby whose replay is paused."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from inquiring import PATH, keep
from running_service import forwarded
from uuid_utils import uuid7
from waiting import wait_until

from bukken_local.database.endpoint import Address
from query_api.app import create_app
from query_api.settings import Settings

if TYPE_CHECKING:
    from flask import Flask
    from migrated_database import MigratedDatabase

WRITER = "127.0.0.9"
Make = Callable[..., "Flask"]


@pytest.fixture
def make(database: "MigratedDatabase", free_address: Callable[[], Address]) -> Iterator[Make]:
    """Makes a query-api that reads the standby and knows the writer."""
    reader = free_address()
    with (
        forwarded(reader, to=database.standby),
        forwarded(Address(WRITER, reader.port), to=database.primary),
        ExitStack() as stack,
    ):

        def make(**settings: Any) -> "Flask":  # noqa: ANN401 — a setting is of any type
            told = database.settings("bukken_reader").model_dump(exclude_none=True)
            told |= {"database_host": reader.host, "database_port": reader.port}
            app = create_app(
                Settings.model_validate(told | {"database_writer_host": WRITER} | settings)
            )
            stack.callback(app.extensions["database"].close)
            return app

        yield make


@pytest.fixture
def kept(database: "MigratedDatabase") -> Iterator[str]:
    """An inquiry that was accepted, and that the standby has not."""
    with database.replay_paused(), database.connect("bukken_writer") as writer:
        key = keep(writer, str(uuid7()))
        writer.commit()
        yield key


def key_of(seconds: int) -> str:
    """The key of an inquiry that was accepted so long from now."""
    return str(uuid7(nanoseconds=time.time_ns() + seconds * 1_000_000_000))


def status_of(app: "Flask", key: str, *, by: str = "portal-a") -> int:
    """How a question for it is answered."""
    return app.test_client().get(f"{PATH}/{key}", headers={"X-Client-Id": by}).status_code


def test_it_is_there_straight_after_the_202(make: Make, kept: str) -> None:
    """The reader has it not: the writer is asked. Another's is not there either way."""
    app = make()

    assert (status_of(app, kept), status_of(app, kept, by="portal-b")) == (200, 404)


def test_what_is_nowhere_is_404(make: Make, kept: str) -> None:
    """Of a young key the writer says so; an old one is not asked about."""
    app = make()

    assert [status_of(app, key) for key in (str(uuid7()), key_of(-3600))] == [404, 404]
    assert status_of(app, kept) == 200


def test_where_the_writer_may_not_be_asked_it_is_not_said_to_be_nowhere(
    make: Make, kept: str
) -> None:
    """503: nobody knows yet. Of a key that is older than a minute, or from the future, 404."""
    app = make(database_writer_host=None)
    others = [key_of(seconds) for seconds in (-61, 60)]

    assert status_of(app, kept) == 503
    assert [status_of(app, key) for key in others] == [404, 404]


def test_a_reader_that_catches_up_is_enough(make: Make, database: "MigratedDatabase") -> None:
    """It is given a moment before the writer is asked."""
    app = make(database_writer_host=None)
    with database.connect("bukken_writer") as writer:
        key = keep(writer, str(uuid7()))
        writer.commit()

    wait_until(lambda: status_of(app, key) == 200, what="the reader has it", seconds=5)
