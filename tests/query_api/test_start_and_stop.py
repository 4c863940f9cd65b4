"""The process as the platform starts, asks and stops it."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from running_query_api import RunningQueryApi, held, runs
from running_service import forwarded
from waiting import wait_until

from bukken_local.database.endpoint import Address

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase

    Put = Callable[..., None]
    Start = Callable[..., RunningQueryApi]


def test_without_a_database_it_is_live_and_says_what_it_waits_for(
    start: "Start", database: "MigratedDatabase", free_address: Callable[[], Address]
) -> None:
    """Ready when the database comes, by itself; until then one line in the log and not a stream."""
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
    start: "Start", database: "MigratedDatabase", free_address: Callable[[], Address]
) -> None:
    """One outage must not take every Pod out together: requests get a quick 503 instead."""
    address = free_address()
    running = start(BUKKEN_DATABASE_HOST=address.host, BUKKEN_DATABASE_PORT=str(address.port))
    with forwarded(address, to=database.primary):
        running.until_ready()
        assert running.status_of("/v1/listings/never") == 404

    answer = running.send("GET", "/v1/listings/never")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert running.status_of("/healthz/ready") == 200


def test_an_older_schema_is_waited_for(start: "Start", empty_database: "MigratedDatabase") -> None:
    """The migrations may run after the Pods have started."""
    running = start(BUKKEN_DATABASE_NAME=empty_database.name)
    wait_until(lambda: running.status_of("/healthz/ready") == 503, what="it answers")

    empty_database.migrate()

    running.until_ready()
    assert running.has_said("not ready: the database is there, its roles or schema are not")


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """The port where a handler answers."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_envoy_is_told_before_the_app_is_ready(start: "Start") -> None:
    """An app restarted while drained would stay drained for ever, or be seen healthy too soon."""
    told: list[tuple[str, int]] = []
    box: list[RunningQueryApi] = []

    class Admin(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append((self.path, box[0].status_of("/healthz/ready")))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with served(Admin) as port:
        box.append(start(BUKKEN_ENVOY_ADMIN_URL=f"http://127.0.0.1:{port}"))
        box[0].until_ready()

    assert told == [("/healthcheck/ok", 503)]


def test_sigterm_lets_what_is_in_flight_finish(
    start: "Start", database: "MigratedDatabase", put: "Put"
) -> None:
    """Nobody is cut off, and the status is 0, as an orderly end has it."""
    put("1")
    running = start().until_ready()
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(running.status_of("/v1/listings/1")))
    with held(database, requests=1) as until_held:
        asking.start()
        until_held()
        running.process.send_signal(signal.SIGTERM)
        wait_until(lambda: running.has_said("Handling signal: term"), what="it has got SIGTERM")
    asking.join()

    assert answers == [200]
    assert running.process.wait(timeout=10) == 0


def test_what_does_not_finish_in_time_is_cut_off(
    start: "Start", database: "MigratedDatabase"
) -> None:
    """The grace has an end, well before the kubelet's."""
    running = start(BUKKEN_GRACEFUL_SECONDS="1").until_ready()
    asking = threading.Thread(target=running.status_of, args=["/v1/listings/1"])
    with held(database, requests=1) as until_held:
        asking.start()
        until_held()
        running.process.send_signal(signal.SIGTERM)

        assert running.process.wait(timeout=4) == 0
    asking.join()


def test_the_worker_does_not_outlive_a_killed_master(start: "Start") -> None:
    """Left behind, it would hold the port against the next start."""
    running = start().until_ready()
    worker = running.worker

    running.process.kill()

    wait_until(lambda: not runs(worker), what="the worker ended by itself")


def test_a_killed_worker_is_replaced(start: "Start") -> None:
    """The master is there for that: a crash costs a second and not a Pod."""
    running = start().until_ready()
    worker = running.worker

    os.kill(worker, signal.SIGKILL)

    wait_until(lambda: not runs(worker), what="the worker is gone")
    running.until_ready()


def test_slow_requests_leave_health_its_thread(
    running: RunningQueryApi, database: "MigratedDatabase"
) -> None:
    """Seven at once are what the sidecar lets through; the eighth thread says that it lives."""
    with ExitStack() as stack, held(database, requests=7) as until_held:
        for _ in range(7):
            asking = threading.Thread(target=running.status_of, args=["/v1/listings/1"])
            asking.start()
            stack.callback(asking.join)
        until_held()

        assert running.status_of("/healthz/live") == 200


def open_files(pid: int) -> list[str]:
    """What a process has open; it goes on opening and closing meanwhile."""
    found = []
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(file.readlink()))
    return found


def test_a_process_is_one_worker_and_leaves_no_file(start: "Start", tmp_path: Path) -> None:
    """Pods are what is multiplied; and a read-only disk, or one that stalls, harms nothing."""
    running = start(WEB_CONCURRENCY="2", HOME=str(tmp_path)).until_ready()
    pid = running.process.pid

    assert Path(f"/proc/{pid}/task/{pid}/children").read_text().split() == [str(running.worker)]
    assert list(tmp_path.iterdir()) == []
    assert [f for f in open_files(running.worker) if f.startswith("/dev/shm/wgunicorn-")]  # noqa: S108 — gunicorn's own
