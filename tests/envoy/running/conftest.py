"""A real Envoy on the real files, in front of an app and an issuer that the tests command.

Only the addresses differ from production, rewritten as the local platform does it. A test module
says which file it wants (`sidecar_file`) and, where a number is too large to reach quickly, what
is different about it (`changed`, `place_changed`).
"""

# ruff: noqa: PLR0913, PLR0917 — a fixture is asked for by being an argument

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest

from bukken_local import binaries, envoys
from bukken_local.processes import Child

ROOT = Path(__file__).parents[3]
Change = Callable[[dict[str, Any]], object]
NewApp = Callable[[], Any]
NewHome = Callable[[], envoys.Home]
Serve = Callable[..., AbstractContextManager[int]]


def status_of(url: str) -> int:
    """What a GET is answered with; 0 when nobody answers."""
    try:
        return httpx.get(url, trust_env=False, timeout=5).status_code
    except httpx.TransportError:
        return 0


@pytest.fixture(scope="module")
def issuer_address(
    jwks: type[BaseHTTPRequestHandler], new_home: NewHome, serve: Serve
) -> Iterator[tuple[str, int]]:
    """Where the keys are, all the time; a module may override it."""
    host = new_home().address
    with serve(jwks, host=host) as port:
        yield host, port


@pytest.fixture(scope="module")
def sidecar_file() -> str:
    """Which file runs."""
    return "query-api"


@pytest.fixture(scope="module")
def changed() -> Change:
    """What is different about it in this module: nothing."""
    return lambda _: None


@pytest.fixture(scope="module")
def place_changed() -> Callable[[str], str]:
    """What is different about place/jwt.yaml in this module: nothing."""
    return str


@pytest.fixture(scope="module")
def home(new_home: NewHome) -> envoys.Home:
    """The addresses of this module's Pod."""
    return new_home()


@pytest.fixture(scope="module")
def app(home: envoys.Home, new_app: NewApp, serve: Serve) -> Iterator[Any]:
    """The app beside the sidecar: a FakeApp of the conftest above."""
    fake = new_app()
    with serve(fake.handler(), host=home.loopback, port=8000):
        yield fake
        fake.released.set()


@pytest.fixture(scope="module")
def app_ready(app: Any) -> threading.Event:  # noqa: ANN401 — a FakeApp
    """Cleared, the app says it is not ready."""
    event: threading.Event = app.ready
    return event


@pytest.fixture(scope="module")
def app_released(app: Any) -> threading.Event:  # noqa: ANN401 — a FakeApp
    """Set, the app answers what it holds back."""
    event: threading.Event = app.released
    return event


@pytest.fixture
def seen(app: Any) -> list[dict[str, Any]]:  # noqa: ANN401 — a FakeApp
    """What reaches the app during a test."""
    app.seen.clear()
    asked: list[dict[str, Any]] = app.seen
    return asked


@pytest.fixture(scope="module")
def run_envoy(
    issuer_address: tuple[str, int],
    place_changed: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Child]]:
    """Starts an Envoy in a place of its own and stops it at the end of the module."""
    children: list[Child] = []
    clusters = (ROOT / "local/place/clusters.yaml").read_text()
    jwt = (ROOT / "local/place/jwt.yaml").read_text()
    host, port = issuer_address

    def run(
        document: dict[str, Any], *, home: envoys.Home, arguments: tuple[str, ...] = ()
    ) -> Child:
        directory = tmp_path_factory.mktemp("envoy")
        (directory / "place").mkdir()
        (directory / "place/jwt.yaml").write_text(place_changed(jwt))
        (directory / "place/clusters.yaml").write_text(
            envoys.with_endpoint(clusters, cluster="issuer", host=host, port=port)
        )
        (directory / "envoy.yaml").write_text(envoys.rehomed(json.dumps(document), home=home))
        child = Child.start(
            [binaries.envoy(), "-c", "envoy.yaml", "--concurrency", "1", "--log-level", "warning",
             "--reject-unknown-dynamic-fields", "--file-flush-interval-msec", "50",
             *envoys.EXTRA_ARGUMENTS, *arguments],
            name="envoy", log=directory / "log", env={}, cwd=directory,
        )  # fmt: skip
        children.append(child)
        return child

    yield run
    for child in children:
        asyncio.run(child.stop(grace_seconds=5))


@pytest.fixture(scope="module")
def envoy(
    run_envoy: Callable[..., Child], config: Callable[[str], dict[str, Any]],
    sidecar_file: str, changed: Change, home: envoys.Home, app_ready: threading.Event,
    until: Callable[..., None],
) -> Child:  # fmt: skip
    """This module's Envoy, with a healthy app behind it."""
    document = config(sidecar_file)
    changed(document)
    child = run_envoy(document, home=home)
    assert app_ready.is_set()
    until(
        lambda: not child.running or status_of(f"http://{home.address}:8080/healthz/lb") == 200,
        what="/healthz/lb answers 200",
    )
    assert child.running, child.tail(50)
    return child


def client_of(address: str, *, port: int) -> Iterator[httpx.Client]:
    """A client of one of the Pod's ports."""
    with httpx.Client(base_url=f"http://{address}:{port}", trust_env=False, timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def ingress(envoy: Child, home: envoys.Home) -> Iterator[httpx.Client]:
    """Where the load balancer sends requests."""
    assert envoy.running
    yield from client_of(home.address, port=8080)


@pytest.fixture(scope="module")
def metrics(envoy: Child, home: envoys.Home) -> Iterator[httpx.Client]:
    """Where the kubelet and Prometheus ask."""
    assert envoy.running
    yield from client_of(home.address, port=9902)


@pytest.fixture(scope="module")
def admin(envoy: Child, home: envoys.Home) -> Iterator[httpx.Client]:
    """What only the Pod itself reaches."""
    assert envoy.running
    yield from client_of(home.loopback, port=9901)


@pytest.fixture
def access_log(envoy: Child) -> Callable[[], list[dict[str, Any]]]:
    """The lines of the access log so far."""
    return lambda: [
        json.loads(line) for line in envoy.log.read_text().splitlines() if line.startswith("{")
    ]
