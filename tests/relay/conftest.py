"""A relay as it is started in a Pod, on a database of its own, and all whom it calls."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

import pytest
from psycopg.rows import dict_row
from running_service import Running
from waiting import wait_until

from bukken_local.database.endpoint import Address

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase

PERSON = ("Himitsu Taro", "himitsu@example.com", "ohimitsu desu")
LISTING = b'{"ListingKey": "k", "ListPrice": 48000000.10, "City": "\xe6\xb8\x8b"}'
Answer = tuple[int, bytes]


class RunningRelay(Running):
    """A relay as a process."""

    module = "command_api.relay"


class Outside(ThreadingHTTPServer):
    """Everybody behind the relay's egress, told apart by the Host: they answer as they are told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, str, Mapping[str, str], bytes]] = []
        self.hanging = threading.Event()
        self.who_hangs = "back-end"
        self.well()

    def well(self) -> None:
        """Each answers as it should."""
        token = b'{"access_token": "a-token", "expires_in": 3600}'
        self.answers = {
            "token-endpoint": (200, token),
            "query-api": (200, LISTING),
            "back-end": (201, b"{}"),
        }
        self.who_hangs = "back-end"
        self.hanging.set()

    def handle_error(self, *_: object) -> None:
        """A relay that is killed or gives up closes its connections."""

    def of(self, host: str) -> list[tuple[str, str, Mapping[str, str], bytes]]:
        """What one of them was asked."""
        return [each for each in self.asked if each[0] == host]

    def leads(self, key: str) -> list[dict[str, Any]]:
        """What the back end got under this key."""
        return [
            json.loads(body)
            for _, _, headers, body in self.of("back-end")
            if headers["Idempotency-Key"] == key
        ]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Outside
    disable_nagle_algorithm: ClassVar[bool] = True

    def _answer(self) -> None:
        host, body = self.headers["Host"], self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.server.asked.append((host, self.path, dict(self.headers), body))
        if host == self.server.who_hangs:
            self.server.hanging.wait(30)
        status, content = self.server.answers[host]
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Set-Cookie", f"of={host}-for-himitsu")
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _answer  # noqa: N815 — the library's own names

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


@pytest.fixture(scope="module")
def own_database(database: "MigratedDatabase") -> Iterator["MigratedDatabase"]:
    """A database whose inquiries are these tests' alone."""
    made = database.sibling("relay")
    made.bootstrap(passwords=made.passwords)
    made.migrate()
    yield made
    made.drop()


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    """All whom a relay calls."""
    server = Outside()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.hanging.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def start(
    own_database: "MigratedDatabase",
    outside: Outside,
    free_address: Callable[[], Address],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., RunningRelay]]:
    """A function that starts a relay; what it is told beside the usual are its arguments."""
    with ExitStack() as stack:

        def start(**variables: str) -> RunningRelay:
            environment = own_database.environment("bukken_writer") | {
                "BUKKEN_EGRESS_URL": outside.url,
                "BUKKEN_CLIENT_SECRET": "the secret of the client",
                "BUKKEN_ENVOY_ADMIN_URL": f"http://{free_address()}",
            }
            log = tmp_path_factory.mktemp("relay") / "log"
            relay = RunningRelay(free_address(), environment=environment | variables, log=log)
            stack.callback(relay.kill)
            return relay

        yield start


class Table:
    """The inquiries as they are stored."""

    def __init__(self, database: "MigratedDatabase") -> None:
        self._database = database

    def accept(self, listing_key: str = "k") -> str:
        """A new one, as command-api keeps it; its key."""
        key, (name, email, message) = str(uuid4()), PERSON
        self.run(
            "INSERT INTO bukken.inquiries (inquiry_key, poster, idempotency_key, request_digest, "
            "listing_key, name, email, message) VALUES (%s, 'portal-a', %s, 'x', %s, %s, %s, %s)",
            key, str(uuid4()), listing_key, name, email, message,
        )  # fmt: skip
        return key

    def erase(self, key: str) -> None:
        """Takes the person out, as command-api does."""
        self.run(
            "UPDATE bukken.inquiries SET name = NULL, email = NULL, phone = NULL, message = NULL, "
            "request_digest = NULL, person_removed_at = now(), person_removed_because = 'request', "
            "state = 'erased' WHERE inquiry_key = %s",
            key,
        )

    def run(self, statement: str, *values: object) -> None:
        """Does it, as the writer."""
        with self._database.connect("bukken_writer") as connection:
            connection.execute(statement, values)

    def row(self, key: str) -> dict[str, Any]:
        """One of them."""
        with self._database.connect("bukken_writer") as connection:
            cursor = connection.cursor(row_factory=dict_row)
            found = cursor.execute(
                "SELECT *, due_at <= now() AS is_due FROM bukken.inquiries WHERE inquiry_key = %s",
                [key],
            ).fetchone()
        assert found
        return found

    def until(self, key: str, *, seconds: float = 30, **columns: object) -> dict[str, Any]:
        """Waits until its columns are so; the row."""
        wait_until(
            lambda: columns.items() <= self.row(key).items(),
            what=lambda: f"{columns}, but {self.row(key)}",
            seconds=seconds,
        )
        return self.row(key)


@pytest.fixture
def table(own_database: "MigratedDatabase", outside: Outside) -> Iterator[Table]:
    """The inquiries; everybody outside is well before and after, and nothing is left waiting."""
    outside.well()
    outside.asked.clear()
    made = Table(own_database)
    yield made
    outside.well()
    made.run("UPDATE bukken.inquiries SET state = 'delivered', delivered_at = now() "
             "WHERE state = 'pending'")  # fmt: skip
