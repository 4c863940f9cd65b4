"""The process as it is started in a Pod: uvicorn, its health, its end, and what it says."""

import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from running_command_api import Members, RunningCommandApi, locked, path_of, until_waiting
from running_service import forwarded
from waiting import wait_until

from bukken_contract.exact_json import encode
from bukken_local.database.endpoint import Address
from command_api.bodies import LISTING_BYTES

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase

    Start = Callable[..., RunningCommandApi]

TYPED = {"Content-Type": "application/json"}
TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_without_a_database_it_is_live_and_says_what_it_waits_for(
    start: "Start", database: "MigratedDatabase", free_address: Callable[[], Address]
) -> None:
    """Ready when the database comes, by itself; until then one line in the log and no stream."""
    address = free_address()
    running = start(BUKKEN_DATABASE_HOST=address.host, BUKKEN_DATABASE_PORT=str(address.port))
    wait_until(lambda: running.status_of("/healthz/live") == 200, what="it is live")

    waiting = running.send("GET", "/healthz/ready")
    with forwarded(address, to=database.primary):
        running.until_ready()

    reasons = [r["message"] for r in running.logged() if "not ready" in r["message"]]
    assert (waiting.status_code, waiting.headers["Retry-After"]) == (503, "1")
    assert "no database answers" in waiting.json()["detail"]
    assert len(reasons) == 1


def test_ready_once_it_stays_so_through_an_outage(
    start: "Start",
    database: "MigratedDatabase",
    free_address: Callable[[], Address],
    members: Members,
) -> None:
    """One outage must not take every Pod out together: commands get a quick 503 instead."""
    address = free_address()
    running = start(BUKKEN_DATABASE_HOST=address.host, BUKKEN_DATABASE_PORT=str(address.port))
    with forwarded(address, to=database.primary):
        running.until_ready()
        assert running.send("DELETE", "/v1/listings/never").status_code == 404

    answer = running.send("PUT", "/v1/listings/outage", content=encode(members), headers=TYPED)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert running.status_of("/healthz/ready") == 200


def test_an_older_schema_is_waited_for(start: "Start", empty_database: "MigratedDatabase") -> None:
    """The migrations may run after the Pods have started."""
    running = start(BUKKEN_DATABASE_NAME=empty_database.name)
    wait_until(lambda: running.status_of("/healthz/ready") == 503, what="it answers")

    empty_database.migrate()

    running.until_ready()
    running.process.send_signal(signal.SIGTERM)
    running.process.wait(timeout=10)


def test_envoy_is_told_before_the_app_is_ready(start: "Start") -> None:
    """An app restarted while drained would stay drained for ever, or be seen healthy too soon."""
    told: list[tuple[str, int]] = []
    box: list[RunningCommandApi] = []

    class Admin(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append((self.path, box[0].status_of("/healthz/ready")))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Admin) as admin:
        threading.Thread(target=admin.serve_forever, kwargs={"poll_interval": 0.02}).start()
        box.append(start(BUKKEN_ENVOY_ADMIN_URL=f"http://127.0.0.1:{admin.server_port}"))
        box[0].until_ready()
        admin.shutdown()

    assert told == [("/healthcheck/ok", 503)]


def test_sigterm_lets_a_command_in_flight_finish(
    start: "Start", database: "MigratedDatabase", key: str, members: Members
) -> None:
    """What was accepted is answered; then the process ends, and nobody else is let in."""
    running = start().until_ready()
    running.send("PUT", path_of(key), content=encode(members), headers=TYPED)

    with ThreadPoolExecutor() as pool:
        with locked(database, key=key):
            in_flight = pool.submit(running.send, "DELETE", path_of(key))
            until_waiting(database)
            running.process.send_signal(signal.SIGTERM)
            wait_until(lambda: running.status_of("/healthz/live") == 0, what="it takes no more")
        answer = in_flight.result()

    assert answer.status_code == 204
    assert running.process.wait(timeout=10) in {0, -signal.SIGTERM}
    assert running.has_said("stopped; nothing is in flight")


def test_sigterm_ends_one_that_is_not_ready(start: "Start") -> None:
    """What it waits for may never come."""
    running = start(BUKKEN_DATABASE_PORT="9")
    wait_until(lambda: running.status_of("/healthz/ready") == 503, what="it waits")

    running.process.send_signal(signal.SIGTERM)

    assert running.process.wait(timeout=10) in {0, -signal.SIGTERM}
    assert running.has_said("stopped; nothing is in flight")


@pytest.mark.parametrize(("level", "least"), [("info", {"INFO"}), ("warning", set())])
def test_the_log_level_is_obeyed(start: "Start", level: str, least: set[str]) -> None:
    """What is below it is not written; of uvicorn's own, nothing below a warning."""
    running = start(BUKKEN_LOG_LEVEL=level).until_ready()

    said = running.logged()
    assert {line["level"] for line in said} == least
    assert {line["logger"] for line in said} <= {
        "bukken_database.readiness",
        "bukken_contract.sidecar",
    }


def test_of_two_commands_the_later_has_the_later_time(
    start: "Start", database: "MigratedDatabase", key: str, members: Members
) -> None:
    """A command that waited for another is timed by its own turn, not by when it came."""
    running = start().until_ready()
    running.send("PUT", path_of(key), content=encode(members), headers=TYPED)
    touch = "UPDATE listings SET modification_timestamp = clock_timestamp() WHERE listing_key = %s"
    order = (
        "SELECT modification_timestamp > status_change_timestamp AND modification_timestamp = "
        "removed_at AND modification_timestamp > %s FROM listings WHERE listing_key = %s"
    )

    with ThreadPoolExecutor() as pool, locked(database, key=key) as other:
        in_flight = pool.submit(running.send, "DELETE", path_of(key))
        until_waiting(database)
        touched = other.execute(f"{touch} RETURNING modification_timestamp", [key]).fetchone()
        other.commit()
        in_flight.result()

    assert touched
    with database.connect("bukken_reader") as reader:
        assert reader.execute(order, [touched[0], key]).fetchone() == (True,)


def test_a_command_that_takes_too_long(
    start: "Start", database: "MigratedDatabase", key: str, members: Members
) -> None:
    """A request has a deadline of its own: 503 with Retry-After, and nothing is changed."""
    running = start(BUKKEN_REQUEST_SECONDS="0.5").until_ready()
    running.send("PUT", path_of(key), content=encode(members), headers=TYPED)

    with locked(database, key=key):
        late = running.send("DELETE", path_of(key))
    after = running.send("DELETE", path_of(key), headers={"If-Match": '"1-1"'})

    assert (late.status_code, late.headers["Retry-After"]) == (503, "1")
    assert late.json()["type"] == "urn:bukken:problem:deadline-exceeded"
    assert after.status_code == 204


def _raw(address: Address, request: bytes) -> bytes:
    with socket.create_connection((address.host, address.port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer and (part := connection.recv(65536)):
            answer += part
    return answer


@pytest.mark.parametrize("framing", ["chunked", "declared"])
def test_a_body_over_the_limit_on_the_wire(start: "Start", framing: str) -> None:
    """413 as soon as the limit is passed, though the client has not sent its end."""
    running = start().until_ready()
    head = b"PUT /v1/listings/large HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    if framing == "chunked":
        chunk = b"%x\r\n%s\r\n" % (LISTING_BYTES + 1, b" " * (LISTING_BYTES + 1))
        request = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk
    else:
        request = head + b"Content-Length: %d\r\n\r\n{" % (LISTING_BYTES + 1)

    assert _raw(running.address, request).startswith(b"HTTP/1.1 413 ")


def test_the_log_holds_neither_secrets_nor_people(
    start: "Start", database: "MigratedDatabase", key: str, members: Members
) -> None:
    """Each line is JSON with the request's id; no password, no text of a listing, no key."""
    running = start(BUKKEN_LOG_LEVEL="debug", BUKKEN_REQUEST_SECONDS="0.5").until_ready()
    headers = TYPED | {
        "X-Request-ID": "request-1",
        "traceparent": f"00-{TRACE}-b7ad6b7169203331-01",
        "Authorization": "Bearer very-secret",
    }
    told = encode(members | {"PublicRemarks": "山田太郎 090-1234-5678"})
    path = f"{path_of(key)}?access_token=very-secret"
    running.send("PUT", path, content=told, headers=headers)
    running.send("PUT", path_of(key), content=told, headers=headers)
    running.send("PUT", path_of(key), content=told[:-1], headers=headers)
    with locked(database, key=key):
        running.send("DELETE", path_of(key), headers=headers)
    with database.connect("bukken_master") as master:
        master.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'command-api'"
        )
    running.send("DELETE", path_of(key), headers=headers)

    lines = running.logged()
    text = running.log.read_text()
    assert not [word for word in ("very-secret", "writer's", "山田", "090-", key) if word in text]
    assert ("request-1", TRACE) in {(line["request_id"], line["trace_id"]) for line in lines}


def test_prometheus_is_told_of_the_feed(start: "Start") -> None:
    """From memory, in its own format."""
    running = start().until_ready()
    told = ("bukken_feed_unnumbered_events 0.0", "bukken_feed_oldest_unnumbered_seconds 0.0")
    wait_until(
        lambda: all(line in running.send("GET", "/metrics").text for line in told),
        what="the feed is measured",
    )

    answer = running.send("GET", "/metrics")

    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert answer.text.count("# HELP") == answer.text.count("# TYPE")
