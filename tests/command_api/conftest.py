"""command-api on the tests' own database."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from running_command_api import Members, RunningCommandApi, Service

from bukken_local.endpoint import Address

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


@pytest.fixture
def start(
    database: "MigratedDatabase", free_address: Callable[[], Address], tmp_path: Path
) -> Iterator[Start]:
    """A function that starts a command-api as a process; it is killed when the test ends."""
    with ExitStack() as stack:

        def start(**variables: str) -> RunningCommandApi:
            nobody = str(free_address().port)
            environment = database.environment("bukken_writer")
            environment |= {"BUKKEN_ENVOY_ADMIN_URL": f"http://127.0.0.1:{nobody}"} | variables
            running = RunningCommandApi(
                free_address(), environment=environment, log=tmp_path / "log"
            )
            stack.callback(running.kill)
            return running

        yield start


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
