"""What gunicorn does between the socket and the app."""

import json
import socket
from collections.abc import Callable
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest
from gunicorn.config import Config  # type: ignore[import-untyped] # it ships no types
from running_query_api import RunningQueryApi
from running_service import forwarded

from bukken_local.database.endpoint import Address
from query_api.server import Log

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase

    Put = Callable[..., None]
    Start = Callable[..., RunningQueryApi]

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.usefixtures("put")
def test_a_connection_is_kept(running: RunningQueryApi) -> None:
    """After every kind of answer: the sidecar opens few connections and keeps them."""
    connection = HTTPConnection(*running.address)
    statuses, sockets = [], set()

    for method, path in [("GET", "/v1/listings/1"), ("HEAD", "/v1/listings"), ("PUT", "/v1/x")]:
        connection.request(method, path)
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
        sockets.add(connection.sock)

    assert statuses == [404, 200, 404]
    assert len(sockets) == 1
    assert None not in sockets
    connection.close()


def exchanged(running: RunningQueryApi, request: bytes) -> tuple[bytes, dict[str, Any]]:
    """The status line and the problem that raw bytes are answered with."""
    with socket.create_connection(running.address, timeout=10) as connection:
        connection.sendall(request)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    problem: dict[str, Any] = json.loads(body)
    return head.partition(b"\r\n")[0], problem


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /v1/listings/\xff HTTP/1.1\r\nHost: a\r\n",
        b"GET /secret HTTP/1.1\r\nHost: a\r\nBad Header: secret\r\n",
        b"GET /secret HTTP/9\r\n",
        b"nonsense\r\n",
    ],
)
def test_what_gunicorn_refuses_looks_like_all_the_rest(
    running: RunningQueryApi, request_line: bytes
) -> None:
    """One shape of error, whoever finds it; and nothing of the request in the log."""
    status, problem = exchanged(running, request_line + b"\r\n")

    assert (status, problem["status"]) == (b"HTTP/1.1 400 Bad Request", 400)
    assert "secret" not in json.dumps(running.logged())


@pytest.mark.parametrize(
    "target", [b"/v1/listings/%FF", b"/v1/listings/a%2Fb", b"http://a/v1/listings/%0A"]
)
def test_the_raw_path_reaches_the_app(running: RunningQueryApi, target: bytes) -> None:
    """As gunicorn has it, not as WSGI's decoded path would."""
    request = b"GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % target

    status, problem = exchanged(running, request)

    assert status.split()[1] in {b"400", b"422"}
    assert "ListingKey" in problem["detail"]


def test_what_the_sidecar_lets_through_is_not_refused_here(running: RunningQueryApi) -> None:
    """16 KiB of headers, in one or in a hundred and some; its limit is the one clients meet."""
    one, many = {"x-a": "a" * 16_000}, {f"x-{number}": "a" for number in range(110)}
    long = "/healthz/live?" + "a" * 12_000

    statuses = [
        running.send("GET", "/healthz/live", headers=sent).status_code for sent in (one, many)
    ]

    assert [*statuses, running.status_of(long)] == [200, 200, 200]


def test_a_client_cannot_move_the_paths(running: RunningQueryApi) -> None:
    """By default SCRIPT_NAME is taken from the sidecar's address, where every client comes from."""
    moving = {"SCRIPT_NAME": "/elsewhere", "X-Forwarded-Proto": "https"}
    answer = running.send("GET", "/healthz/live", headers=moving)

    assert answer.status_code == 200


def test_each_line_of_the_log_belongs_to_its_request_and_has_no_query_string(
    start: "Start", database: "MigratedDatabase", free_address: Callable[[], Address]
) -> None:
    """The id and the trace of the request; a later line of the same thread has neither."""
    address = free_address()
    running = start(
        BUKKEN_DATABASE_HOST=address.host,
        BUKKEN_DATABASE_PORT=str(address.port),
        BUKKEN_THREADS="2",
    )
    with forwarded(address, to=database.primary):
        running.until_ready()
    headers = {"x-request-id": "abc-1", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    for _ in range(3):
        running.send("GET", "/v1/listings?City=secret", headers=headers)
    for _ in range(3):
        exchanged(running, b"nonsense\r\n\r\n")

    lines = running.logged()
    failed = [line for line in lines if line["message"].startswith("database GONE")]
    refused = [line for line in lines if line["message"].startswith("refused")]
    assert {(line["request_id"], line["trace_id"]) for line in failed} == {("abc-1", TRACE)}
    assert {(line["request_id"], line["trace_id"]) for line in refused} == {("", "")}
    assert "secret" not in json.dumps(lines)
    assert {line["service"] for line in lines} == {"query-api"}


def test_the_log_level_is_obeyed(start: "Start") -> None:
    """Also by gunicorn: what is below the level is not written."""
    running = start(BUKKEN_LOG_LEVEL="warning").until_ready()

    assert {line["level"] for line in running.logged()} <= {"WARNING", "ERROR"}


def test_what_gunicorn_meets_is_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    """By its class and its stack; the text may quote a request."""
    gunicorn = Log(Config())
    try:
        int(bytes.fromhex("736563726574"))
    except ValueError:
        gunicorn.exception("Socket error processing request.")

    assert "Socket error processing request.: ValueError" in caplog.text
    assert "test_server.py" in caplog.text
    assert "secret" not in caplog.text
