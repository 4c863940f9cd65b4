import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import BaseRequestHandler, TCPServer

import pytest

from bukken_contract.sidecar import ANSWER_SECONDS, has_keys, undrain


class Admin(BaseHTTPRequestHandler):
    """Envoy's admin, as far as the app speaks to it."""

    asked: list[str]
    stats: bytes

    def do_GET(self) -> None:
        """Says its figures."""
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.stats)

    def do_POST(self) -> None:
        """Notes what was asked and agrees."""
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def admin(stats: str = "") -> Iterator[tuple[str, list[str]]]:
    """An admin that answers, and the list of what it was asked."""
    asked: list[str] = []
    handler = type("Handler", (Admin,), {"asked": asked, "stats": stats.encode()})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


class Nonsense(BaseRequestHandler):
    """Something at Envoy's port that is no HTTP server."""

    def handle(self) -> None:
        """Takes what comes and answers with another language."""
        self.request.recv(1024)
        self.request.sendall(b"220 mail.example ESMTP\r\n")


@pytest.fixture
def nonsense() -> Iterator[str]:
    """The URL of one that speaks no HTTP."""
    with TCPServer(("127.0.0.1", 0), Nonsense) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
        yield "http://{}:{}".format(*server.server_address)
        server.shutdown()


def drain(url: str, *, seconds: str) -> tuple[subprocess.CompletedProcess[bytes], float]:
    """Runs the hook as the kubelet does; says how long it took."""
    environment = {"BUKKEN_ENVOY_ADMIN_URL": url, "BUKKEN_DRAIN_SECONDS": seconds}
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "bukken_contract.drain"],
        env=environment,
        check=False,
        capture_output=True,
    )
    return done, time.monotonic() - started


def test_drain_asks_envoy_to_fail_its_check_and_nothing_else() -> None:
    """`/healthcheck/fail` alone: `drain_listeners` would close egress too."""
    with admin() as (url, asked):
        done, _ = drain(url, seconds="0")

    assert (asked, done.returncode) == (["/healthcheck/fail"], 0)


def test_drain_waits_while_traffic_leaves() -> None:
    """The hook returns only after its time, for the load balancer is slow to learn."""
    with admin() as (url, _):
        _, took = drain(url, seconds="0.7")

    assert took >= 0.7


def test_drain_succeeds_when_envoy_does_not_answer() -> None:
    """A failed preStop would have the container killed without its grace."""
    done, took = drain("http://127.0.0.1:9", seconds="0.3")

    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Envoy does not answer" in done.stdout
    assert took >= 0.3


def test_drain_succeeds_when_what_answers_is_no_envoy(nonsense: str) -> None:
    """Whatever is at that port, a failed preStop would have the container killed."""
    done, took = drain(nonsense, seconds="0.3")

    assert (done.returncode, done.stderr) == (0, b"")
    assert took >= 0.3


def test_drain_does_not_wait_for_an_envoy_that_hangs(silent_port: int) -> None:
    """It would wait through the Pod's whole grace, and the app would have none left."""
    done, took = drain(f"http://127.0.0.1:{silent_port}", seconds="0.3")

    assert done.returncode == 0
    assert 0.3 <= took < ANSWER_SECONDS + 3


def test_an_app_that_serves_undoes_the_drain() -> None:
    """After a liveness kill the sidecar lives on, drained, until it is told otherwise."""
    with admin() as (url, asked):
        undrain(url)

    assert asked == ["/healthcheck/ok"]


def test_an_app_without_envoy_serves_all_the_same() -> None:
    """Alone on a laptop there is no sidecar, and no error for it."""
    undrain("http://127.0.0.1:9")


def test_an_app_beside_something_else_serves_all_the_same(nonsense: str) -> None:
    """Another program at that port is no reason not to serve either."""
    undrain(nonsense)


def test_an_app_does_not_wait_for_an_envoy_that_hangs(silent_port: int) -> None:
    """It would never become ready."""
    began = time.monotonic()

    undrain(f"http://127.0.0.1:{silent_port}")

    assert time.monotonic() - began < ANSWER_SECONDS + 1


@pytest.mark.parametrize(
    ("success", "failed", "missing"), [(0, 3, True), (1, 3, False), (1, 0, False), (0, 0, False)]
)
def test_keys_are_missing_while_they_were_only_asked_for_in_vain(
    success: int, failed: int, *, missing: bool
) -> None:
    """Who has had them once keeps them; who asks nobody for keys needs none."""
    counter = "http.ingress.jwt_authn.jwks_fetch_"
    with admin(f"{counter}failed: {failed}\n{counter}success: {success}\n") as (url, asked):
        assert has_keys(url) is not missing

    assert [path.partition("?")[0] for path in asked] == ["/stats"]


def test_without_an_envoy_no_keys_are_missing(nonsense: str) -> None:
    """Alone on a laptop, or beside something else, the app serves all the same."""
    assert has_keys("http://127.0.0.1:9")
    assert has_keys(nonsense)
