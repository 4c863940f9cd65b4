"""command-api on the tests' own database."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest
from running_command_api import Members, RunningCommandApi, Service

from bukken_local.database.endpoint import Address

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase

Start = Callable[..., RunningCommandApi]


@pytest.fixture(scope="session")
def service(database: "MigratedDatabase") -> Iterator[Service]:
    """command-api, started; tests use keys of their own, so nobody empties the table."""
    with asyncio.Runner() as runner:
        made = Service(database, runner=runner)
        made.start()
        yield made
        made.stop()


_NUMBERS = itertools.count()


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A key no other test has."""
    return f"{request.node.originalname}-{next(_NUMBERS)}"


@pytest.fixture
def members() -> Members:
    """A listing, as a producer sends it."""
    return {
        "StandardStatus": "Active",
        "PropertyType": "Residential",
        "City": "新宿区",
        "ListPrice": 35_000_000,
        "Currency": "JPY",
        "BedroomsTotal": 3,
        "Levels": ["One", "Two"],
        "OnMarketDate": "2021-04-01",
        "PublicRemarks": "南向き。\n駅近。",
        "Media": [{"MediaURL": "https://media.example/1.jpg", "Order": 1}],
    }


@pytest.fixture(scope="module")
def start_one(
    database: "MigratedDatabase",
    free_address: Callable[[], Address],
    tmp_path_factory: pytest.TempPathFactory,
) -> Start:
    """A function that starts a command-api as a process; who calls it kills it."""

    def start_one(**variables: str) -> RunningCommandApi:
        nobody = str(free_address().port)
        environment = database.environment("bukken_writer")
        environment |= {"BUKKEN_ENVOY_ADMIN_URL": f"http://127.0.0.1:{nobody}"} | variables
        log = tmp_path_factory.mktemp("command-api") / "log"
        return RunningCommandApi(free_address(), environment=environment, log=log)

    return start_one


@pytest.fixture
def start(start_one: Start) -> Iterator[Start]:
    """A function that starts a command-api for one test, which may do to it what it likes."""
    with ExitStack() as stack:

        def start(**variables: str) -> RunningCommandApi:
            running = start_one(**variables)
            stack.callback(running.kill)
            return running

        yield start


@pytest.fixture(scope="module")
def running(start_one: Start) -> Iterator[RunningCommandApi]:
    """A ready command-api for the tests that only ask it something."""
    one = start_one()
    yield one.until_ready()
    one.kill()


CheckProblem = Callable[..., Members]


@pytest.fixture
def check_problem() -> CheckProblem:
    """A function that holds an answer to the one shape of errors, and gives its body."""

    def check(answer: httpx.Response, *, status: int, code: str | None = None) -> Members:
        problem: Members = answer.json()
        assert answer.status_code == status, problem
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert problem["status"] == status
        assert problem["request_id"] == answer.headers["X-Request-ID"]
        assert code is None or problem["type"] == f"urn:bukken:problem:{code}"
        return problem

    return check
