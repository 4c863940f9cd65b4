"""The files under test, and what stands around an Envoy: an app, an issuer's keys, a DNS."""

import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from joserfc.jwk import RSAKey
from waiting import wait_until

from bukken_local.issuer import signing
from bukken_local.kubernetes import dns
from bukken_local.kubernetes.envoy_files import Home

ROOT = Path(__file__).parents[2]
ADDRESSES = count(1)


def own_home() -> Home:
    """Two loopback addresses that no other test run on this machine uses."""
    pid, number = os.getpid(), next(ADDRESSES)
    network = f"127.{64 + pid % 128}.{pid // 128 % 256}"
    return Home(address=f"{network}.{2 * number}", loopback=f"{network}.{2 * number + 1}")


@contextmanager
def names(hosts: Mapping[str, Sequence[str]], *, host: str) -> Iterator[int]:
    """Answers for these names as long as it runs, and gives the port."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.bind((host, 0))

    def answer_all() -> None:
        while question := bound.recvfrom(4096):
            if not question[0]:
                return
            bound.sendto(dns.answer(question[0], hosts.get) or b"", question[1])

    thread = threading.Thread(target=answer_all)
    thread.start()
    try:
        yield bound.getsockname()[1]
    finally:
        bound.sendto(b"", bound.getsockname())  # the empty datagram ends it
        thread.join()
        bound.close()


class PatientServer(ThreadingHTTPServer):
    """Says nothing of clients that broke off: some tests do that on purpose."""

    daemon_threads = True

    def handle_error(
        self,
        request: socket.socket | tuple[bytes, socket.socket],
        client_address: tuple[str, int],
    ) -> None:
        """Prints what went wrong, unless it is the client's going."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def served(handler: type[BaseHTTPRequestHandler], *, host: str, port: int = 0) -> Iterator[int]:
    """Runs a handler on an address and gives the port."""
    server = PatientServer((host, port), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class FakeApp:
    """What stands behind the sidecar: it does as it is told and remembers what it was asked."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.extra_headers: dict[str, str] = {}
        self.ready = threading.Event()
        self.ready.set()
        self.released = threading.Event()  # requests for the key `held` wait for it
        self.waiting = threading.Semaphore(0)  # and say here that they do

    def answer(self, request: BaseHTTPRequestHandler) -> tuple[int, dict[str, Any]]:
        """The status and body for a request."""
        if request.path.startswith("/healthz/"):
            return (200 if request.path == "/healthz/live" or self.ready.is_set() else 503), {}
        asked = {
            "method": request.command,
            "path": request.path,
            "headers": {name.lower(): value for name, value in request.headers.items()},
        }
        self.seen.append(asked)
        if request.path.endswith("/held"):
            self.waiting.release()
            self.released.wait(20)
        return 200, asked

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """The class the standard library's server wants."""
        app = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                status, answer = app.answer(self)
                body = json.dumps(answer).encode()
                self.send_response(status)
                extra = {} if self.path.startswith("/healthz/") else app.extra_headers
                for name, value in {"content-length": str(len(body)), **extra}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def __getattr__(self, name: str) -> Any:  # noqa: ANN401 — whatever do_METHOD is asked
                if name.startswith("do_"):
                    return self.handle_any
                raise AttributeError(name)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture(scope="session")
def until() -> Callable[..., None]:
    """Waits for a condition, or says what did not happen."""
    return wait_until


@pytest.fixture(scope="session")
def serve() -> Callable[..., AbstractContextManager[int]]:
    """Runs a handler on an address."""
    return served


@pytest.fixture(scope="session")
def resolve() -> Callable[..., AbstractContextManager[int]]:
    """Runs a DNS server for some names."""
    return names


@pytest.fixture(scope="session")
def new_home() -> Callable[[], Home]:
    """Makes the addresses of a further Pod."""
    return own_home


@pytest.fixture(scope="session")
def new_app() -> type[FakeApp]:
    """Makes an app."""
    return FakeApp


@pytest.fixture(scope="session")
def config() -> Callable[[str], dict[str, Any]]:
    """Gives an Envoy file of this repository by name, parsed anew."""

    def read(name: str) -> dict[str, Any]:
        parsed: dict[str, Any] = yaml.safe_load((ROOT / "envoy" / f"{name}.yaml").read_text())
        return parsed

    return read


@pytest.fixture(scope="session")
def key() -> RSAKey:
    """The issuer's signing key."""
    made = RSAKey.generate_key(2048)
    made.ensure_kid()
    return made


@pytest.fixture(scope="session")
def bearer(key: RSAKey) -> Callable[..., dict[str, str]]:
    """Makes the header of a good token; keyword arguments replace claims."""

    def make(*scopes: str, **claims: object) -> dict[str, str]:
        good = signing.claims_of("portal-a", scopes=scopes or ["listings.read"])
        return {"authorization": "Bearer " + signing.sign(good | claims, key=key)}

    return make


@pytest.fixture(scope="session")
def jwks(key: RSAKey) -> type[BaseHTTPRequestHandler]:
    """Answers with the issuer's public keys."""
    body = json.dumps({"keys": [{**key.as_dict(private=False), "alg": "RS256"}]}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
