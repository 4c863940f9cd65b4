"""command-api on the tests' own database, spoken to without a network."""

import asyncio
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest
from psycopg.rows import dict_row

from bukken_contract.settings import load
from command_api.app import create_app
from command_api.settings import Settings

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase

Members = dict[str, Any]


class Service:
    """The application in this process, and the rows it leaves."""

    def __init__(self, database: "MigratedDatabase", *, runner: asyncio.Runner) -> None:
        self._database = database
        self._runner = runner
        self.app = create_app(self._settings())
        # An error that gets past the app's own net is to be seen as one, not as an answer.
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=True)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://command-api")

    def _settings(self) -> Settings:
        named = self._database.settings("bukken_writer").model_dump(exclude_none=True)
        named["envoy_admin_url"] = "http://127.0.0.1:1"
        return load(Settings, argv=[], program="test").model_copy(update=named)

    def start(self) -> None:
        """Runs the application's own start."""
        self._lifespan = self.app.router.lifespan_context(self.app)
        self._runner.run(self._lifespan.__aenter__())

    def stop(self) -> None:
        """Runs its own stop."""
        self._runner.run(self._client.aclose())
        self._runner.run(self._lifespan.__aexit__(None, None, None))

    def send(self, method: str, path: str, **named: Any) -> httpx.Response:  # noqa: ANN401 — httpx's own
        """Any request."""
        return self._runner.run(self._client.request(method, path, **named))

    def together(self, *requests: httpx.Request) -> list[httpx.Response]:
        """The answers to requests sent at once."""

        async def all_of_them() -> list[httpx.Response]:
            return await asyncio.gather(*map(self._client.send, requests))

        return self._runner.run(all_of_them())

    def a_put(self, key: str, members: Members, **headers: str) -> httpx.Request:
        """A PUT that is not sent yet."""
        return self._client.build_request(
            "PUT", path_of(key), content=json.dumps(members), headers=typed(headers)
        )

    def put(self, key: str, members: Members, **headers: str) -> httpx.Response:
        """PUT; Source_Version="7" is the header Source-Version."""
        return self.send("PUT", path_of(key), content=json.dumps(members), headers=typed(headers))

    def patch(self, key: str, members: Members, **headers: str) -> httpx.Response:
        """PATCH."""
        return self.send("PATCH", path_of(key), content=json.dumps(members), headers=typed(headers))

    def delete(self, key: str, **headers: str) -> httpx.Response:
        """DELETE."""
        return self.send("DELETE", path_of(key), headers=dashed(headers))

    def row(self, key: str) -> Mapping[str, Any] | None:
        """What is stored for the key."""
        with self._database.connect("bukken_reader") as reader:
            query = "SELECT * FROM listings WHERE listing_key = %s"
            return reader.cursor(row_factory=dict_row).execute(query, [key]).fetchone()


def path_of(key: str) -> str:
    """The listing's path."""
    return f"/v1/listings/{quote(key, safe='')}"


def dashed(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers as HTTP spells them."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


def typed(headers: Mapping[str, str]) -> dict[str, str]:
    """The same, of a JSON body."""
    return {"Content-Type": "application/json"} | dashed(headers)


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
