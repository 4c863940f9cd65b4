"""A query-api on the tests' database, and listings put there as the command side would."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from following import StartSequencer
from running_command_api import RunningCommandApi
from running_query_api import RunningQueryApi
from sqlalchemy import insert, update

from bukken_database.connections import job_engine
from bukken_database.schema import listings
from bukken_local.database.endpoint import Address
from query_api.app import create_app
from query_api.settings import Settings

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase

Put = Callable[..., None]
Start = Callable[..., RunningQueryApi]
MOMENT = datetime(2026, 11, 22, 9, 30, 0, 123456, tzinfo=UTC)


def settings_for(environment: dict[str, str]) -> Settings:
    """What a process with these variables would be told."""
    named = {name.removeprefix("BUKKEN_").lower(): value for name, value in environment.items()}
    return Settings.model_validate(named)


@pytest.fixture
def put(database: "MigratedDatabase") -> Iterator[Put]:
    """A function that puts a row; all are forgotten when the test ends."""
    engine = job_engine(database.settings("bukken_writer"), application="test")
    usual = {
        "version": 1,
        "original_entry_timestamp": MOMENT,
        "modification_timestamp": MOMENT,
        "ever_visible": True,
        "standard_status": "Active",
        "property_type": "Residential",
    }

    def put(key: str, **columns: Any) -> None:  # noqa: ANN401 — a column is of any type
        with engine.begin() as connection:
            connection.execute(insert(listings).values(usual | {"listing_key": key} | columns))

    database.empty()
    yield put
    engine.dispose()
    database.empty()


@pytest.fixture
def change(database: "MigratedDatabase") -> Iterator[Callable[..., None]]:
    """A function that changes columns of a row."""
    engine = job_engine(database.settings("bukken_writer"), application="test")

    def change(key: str, **columns: Any) -> None:  # noqa: ANN401 — a column is of any type
        with engine.begin() as connection:
            connection.execute(update(listings).where(listings.c.listing_key == key), columns)

    yield change
    engine.dispose()


@contextmanager
def made(environment: dict[str, str]) -> Iterator[Flask]:
    """An app that has not begun to ask whether it is ready."""
    app = create_app(settings_for(environment))
    yield app
    app.extensions["database"].close()


@pytest.fixture
def app(database: "MigratedDatabase") -> Iterator[Flask]:
    """The app as reader."""
    with made(database.environment("bukken_reader")) as app:
        yield app


@pytest.fixture
def another_app(database: "MigratedDatabase") -> Iterator[Flask]:
    """What another Pod runs."""
    with made(database.environment("bukken_reader")) as app:
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of that app."""
    return app.test_client()


@pytest.fixture
def feed_client(feed_database: "MigratedDatabase") -> Iterator[FlaskClient]:
    """A client of an app on the feed's database; it reads from the primary."""
    with made(feed_database.environment("bukken_reader")) as app:
        yield app.test_client()


@pytest.fixture
def client_of() -> Iterator[Callable[..., FlaskClient]]:
    """A function that gives a client of an app on this database's primary, or its standby."""
    with ExitStack() as stack:

        def client_of(database: "MigratedDatabase", *, standby: bool = False) -> FlaskClient:
            environment = database.environment("bukken_reader", standby=standby)
            return stack.enter_context(made(environment)).test_client()

        yield client_of


@pytest.fixture
def start_sequencer(
    free_address: Callable[[], Address], tmp_path: Path
) -> Iterator[StartSequencer]:
    """A function that starts a command-api on a database; the end kills it."""
    with ExitStack() as stack:

        def start(database: "MigratedDatabase") -> RunningCommandApi:
            environment = database.environment("bukken_writer")
            environment["BUKKEN_ENVOY_ADMIN_URL"] = "http://127.0.0.1:1"
            address = free_address()
            log = tmp_path / f"log-{address.port}"
            running = RunningCommandApi(address, environment=environment, log=log)
            stack.callback(running.kill)
            return running.until_ready()

        yield start


@pytest.fixture
def follower(feed_database: "MigratedDatabase") -> Iterator[FlaskClient]:
    """A client of an app that reads from the standby, as all do."""
    with made(feed_database.environment("bukken_reader", standby=True)) as app:
        yield app.test_client()


@pytest.fixture
def app_without_database(silent_port: int) -> Iterator[Flask]:
    """An app whose database takes connections and never says a word."""
    with made({"BUKKEN_DATABASE_PORT": str(silent_port)}) as app:
        yield app


@pytest.fixture(scope="module")
def start_one(
    database: "MigratedDatabase",
    free_address: Callable[[], Address],
    tmp_path_factory: pytest.TempPathFactory,
) -> Start:
    """A function that starts a query-api as a process; who calls it kills it."""

    def start_one(**variables: str) -> RunningQueryApi:
        nobody = str(free_address().port)
        environment = database.environment("bukken_reader")
        environment |= {"BUKKEN_ENVOY_ADMIN_URL": f"http://127.0.0.1:{nobody}"} | variables
        log = tmp_path_factory.mktemp("query-api") / "log"
        return RunningQueryApi(free_address(), environment=environment, log=log)

    return start_one


@pytest.fixture
def start(start_one: Start) -> Iterator[Start]:
    """A function that starts a query-api for one test, which may do to it what it likes."""
    with ExitStack() as stack:

        def start(**variables: str) -> RunningQueryApi:
            running = start_one(**variables)
            stack.callback(running.kill)
            return running

        yield start


@pytest.fixture(scope="module")
def running(start_one: Start) -> Iterator[RunningQueryApi]:
    """A ready query-api for the tests that only ask it something."""
    one = start_one()
    yield one.until_ready()
    one.kill()
