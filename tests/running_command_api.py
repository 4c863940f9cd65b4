"""A command-api in this process or as one of its own, for tests to send commands to."""

import asyncio
import json
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import httpx
import psycopg
from migrated_database import MigratedDatabase
from psycopg.rows import dict_row
from running_service import Running
from waiting import wait_until

from bukken_contract.settings import load
from command_api.app import create_app
from command_api.settings import Settings

if TYPE_CHECKING:
    from concurrent.futures import Future

Members = dict[str, Any]
T = TypeVar("T")


class Service:
    """The application in this process, and the rows it leaves."""

    def __init__(self, database: MigratedDatabase, *, runner: asyncio.Runner) -> None:
        self._database = database
        self._reader = database.connect("bukken_reader")
        self._reader.autocommit = True
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
        self._reader.close()
        self._runner.run(self._client.aclose())
        self._runner.run(self._lifespan.__aexit__(None, None, None))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Does something on the application's own loop."""
        return self._runner.run(work)

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
        query = "SELECT * FROM listings WHERE listing_key = %s"
        return self._reader.cursor(row_factory=dict_row).execute(query, [key]).fetchone()


def path_of(key: str) -> str:
    """The listing's path."""
    return f"/v1/listings/{quote(key, safe='')}"


def dashed(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers as HTTP spells them."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


def typed(headers: Mapping[str, str]) -> dict[str, str]:
    """The same, of a JSON body."""
    return {"Content-Type": "application/json"} | dashed(headers)


class RunningCommandApi(Running):
    """A command-api as it is started in a Pod."""

    module = "command_api"


@contextmanager
def locked(database: MigratedDatabase, *, key: str) -> Iterator[psycopg.Connection[Any]]:
    """Commands for this listing wait while this is open: the transaction that holds it."""
    with database.connect("bukken_writer") as writer:
        writer.execute("SELECT FROM listings WHERE listing_key = %s FOR UPDATE", [key])
        yield writer


def until_waiting(database: MigratedDatabase) -> None:
    """Waits until a command waits for a lock."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE application_name = 'command-api' AND wait_event_type = 'Lock'"
    )
    with database.connect("bukken_master") as master:
        master.autocommit = True
        wait_until(
            lambda: master.execute(waiting).fetchone() != (0,), what="a command is in flight"
        )


def until_committing(database: MigratedDatabase, answer: "Future[httpx.Response]") -> None:
    """Waits until a commit waits for the storage; an answer before that is one too early."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE application_name = 'command-api' AND wait_event = 'SyncRep'"
    )
    with database.connect("bukken_master") as master:
        master.autocommit = True

        def waits() -> bool:
            assert not answer.done(), f"acknowledged, and not durable: {answer.result()}"
            return master.execute(waiting).fetchone() == (1,)

        wait_until(waits, what="the commit waits for the storage")
