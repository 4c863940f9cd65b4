"""Both services on a database of their own, whose every part may be harmed while they serve."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
from migrated_database import PASSWORDS, MigratedDatabase
from running_command_api import RunningCommandApi
from running_query_api import RunningQueryApi
from running_service import Running, forwarded, stopped

from bukken_local.database.cluster import Cluster
from bukken_local.database.endpoint import Address

NDJSON: Final = "application/x-ndjson"
LISTING: Final = {"StandardStatus": "Active", "PropertyType": "Land", "City": "港区"}
PRIMARY, STANDBY, STORAGE = "instance-1", "instance-2", "storage"


class Call(NamedTuple):
    """One of the public ones."""

    is_write: bool
    method: str
    path: str
    content: str = ""
    headers: Mapping[str, str] = {}


def _line(key: str) -> str:
    return json.dumps(LISTING | {"ListingKey": key})


_JSON: Final = {"Content-Type": "application/json"}
BATCHES: Final = "/v1/batches/listings"

# Each on a listing of its own, so that none waits for another.
CALLS: Final[Mapping[str, Call]] = {
    "PUT": Call(True, "PUT", "/v1/listings/put", json.dumps(LISTING), _JSON),
    "PATCH": Call(
        True, "PATCH", "/v1/listings/patch", '{"City": "新宿区"}', _JSON | {"If-Match": "*"}
    ),
    "DELETE": Call(True, "DELETE", "/v1/listings/delete"),
    "batch": Call(True, "POST", BATCHES, _line("batch-1"), {"Content-Type": NDJSON}),
    "GET": Call(False, "GET", "/v1/listings/read"),
    "search": Call(False, "GET", "/v1/listings?City=港区"),
    "changes": Call(False, "GET", "/v1/changes?after=0&include=listing"),
    "export": Call(False, "GET", "/v1/exports/listings"),
    "listing-keys": Call(False, "GET", "/v1/listing-keys"),
}
# So that each call has something to find.
_FIRST: Final = "\n".join(map(_line, ("patch", "delete", "read")))


@dataclass(frozen=True)
class Answer:
    """What a client sees, and how long it waited."""

    status: int
    headers: httpx.Headers
    body: bytes
    seconds: float

    @property
    def is_served(self) -> bool:
        """Whether it is what was asked for."""
        return self.status in {200, 201, 204}

    @property
    def is_refusal(self) -> bool:
        """Whether it says, in the one shape, to come again soon."""
        kind, again = self.headers.get("Content-Type"), self.headers.get("Retry-After")
        return (self.status, kind, again) == (503, "application/problem+json", "1")

    def __str__(self) -> str:
        return f"{self.status} after {self.seconds:.2f} s: {self.body[:200]!r}"


class Way:
    """A database endpoint: it leads to a server, to another one, or nowhere."""

    def __init__(self, address: Address, *, to: Address) -> None:
        self.address = address
        self._open = ExitStack()
        self.lead(to)

    def lead(self, to: Address) -> None:
        """To this server; who was connected elsewhere is cut off."""
        self.close()
        self._open.enter_context(forwarded(self.address, to=to))

    def close(self) -> None:
        """To nobody: connections are cut, new ones refused."""
        self._open.close()


@dataclass
class Exchange:
    """A command-api, a query-api, and the database below them."""

    cluster: Cluster
    database: MigratedDatabase
    writer: Way
    reader: Way
    passwords: Mapping[str, Path]
    command: Running = field(init=False)
    query: Running = field(init=False)

    def start(self, free_address: Callable[[], Address], *, logs: Path) -> None:
        """Starts both services, and puts the listings that the calls are about."""
        self.command = RunningCommandApi(
            free_address(), environment=self._told("bukken_writer"), log=logs / "command-api"
        ).until_ready()
        self.query = RunningQueryApi(
            free_address(), environment=self._told("bukken_reader"), log=logs / "query-api"
        ).until_ready()
        first = self.ask(CALLS["batch"]._replace(content=_FIRST))
        assert first.is_served, first

    def _told(self, role: str) -> dict[str, str]:
        way = self.writer if role == "bukken_writer" else self.reader
        told = self.database.environment(role) | {
            "BUKKEN_DATABASE_HOST": way.address.host,
            "BUKKEN_DATABASE_PORT": str(way.address.port),
            "BUKKEN_DATABASE_PASSWORD_FILE": str(self.passwords[role]),
            "BUKKEN_ENVOY_ADMIN_URL": "http://127.0.0.1:1",
        }
        del told["BUKKEN_DATABASE_PASSWORD"]
        return told

    def ask(self, call: Call) -> Answer:
        """The answer to one call, on a connection of its own."""
        service = self.command if call.is_write else self.query
        began = time.monotonic()
        answer = service.send(
            call.method, call.path, content=call.content.encode(), headers=dict(call.headers)
        )
        took = time.monotonic() - began
        return Answer(answer.status_code, answer.headers, answer.content, took)

    def ask_all(self) -> dict[str, Answer]:
        """The answers to all calls, asked at once."""
        with ThreadPoolExecutor(len(CALLS)) as pool:
            return dict(zip(CALLS, pool.map(self.ask, CALLS.values()), strict=True))

    def as_master(self, statement: str, *, of: str = PRIMARY) -> list[tuple[Any, ...]]:
        """The rows of a statement that the superuser runs on one of the servers."""
        primary, standby = self.database.primary, self.database.standby
        at = self.database if of == PRIMARY else replace(self.database, primary=standby)
        assert at.primary in {primary, standby}
        with at.connect("bukken_master") as master:
            master.autocommit = True
            cursor = master.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def mend(self) -> None:
        """Starts again whatever of the database is down."""
        asyncio.run(self.cluster.start())

    def stop(self) -> None:
        """Leaves nothing of it running."""
        for service in (self.command, self.query):
            service.kill()
        for way in (self.writer, self.reader):
            way.close()


def made_exchange(
    cluster: Cluster, *, free_address: Callable[[], Address], directory: Path
) -> Exchange:
    """The exchange on a cluster that runs; its services are not started."""
    asyncio.run(cluster.start())
    database = MigratedDatabase(cluster.primary, cluster.standby, cluster.password)
    database.bootstrap(passwords=PASSWORDS)
    database.migrate()
    files = {role: directory / role for role in PASSWORDS}
    for role, file in files.items():
        file.write_text(PASSWORDS[role])
    return Exchange(
        cluster,
        database,
        Way(free_address(), to=cluster.primary),
        Way(free_address(), to=cluster.standby),
        files,
    )


@contextmanager
def hung(exchange: Exchange, name: str) -> Iterator[None]:
    """A program of the cluster hangs, with all its processes, as a frozen machine does."""
    first = exchange.cluster.children[name].pid
    with stopped(first):  # it makes no more of them
        others = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        with stopped(*map(int, others)):
            yield


KILL_ALL: Final = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE usename IN ('bukken_writer', 'bukken_reader')"
)


def kill_sessions(exchange: Exchange) -> None:
    """Ends every session of both services, on both servers."""
    for server in (PRIMARY, STANDBY):
        exchange.as_master(KILL_ALL, of=server)


def crash(exchange: Exchange) -> None:
    """Both servers end at once, as at a power cut."""
    for name in (PRIMARY, STANDBY):
        os.kill(exchange.cluster.children[name].pid, signal.SIGQUIT)
