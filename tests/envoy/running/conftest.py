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
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest
from deployment.lines import owner_of, take_out

from bukken_local.database.endpoint import Address
from bukken_local.kubernetes import envoy_files
from bukken_local.kubernetes.envoy_files import Home
from bukken_local.processes import binaries
from bukken_local.processes.child import Child

ROOT = Path(__file__).parents[3]
INGRESS = "static_resources listeners ingress filter_chains 0 filters 0 typed_config"
Change = Callable[[dict[str, Any]], object]
NewApp = Callable[[], Any]
NewHome = Callable[[], Home]
Serve = Callable[..., AbstractContextManager[int]]


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A sidecar and the app beside it, at addresses of their own."""

    home: Home
    app: Any  # a FakeApp of the conftest above
    envoy: Child
    ingress: httpx.Client
    admin: httpx.Client

    @property
    def app_is_well(self) -> bool:
        """Whether Envoy's own check of the app has passed."""
        stats = f"http://{self.home.loopback}:9901/stats?filter=local_app.membership_healthy"
        try:
            return httpx.get(stats, trust_env=False).text.strip().endswith(": 1")
        except httpx.TransportError:
            return False

    @property
    def health(self) -> int:
        """What the load balancer is told; 0 when nobody answers."""
        return status_of(f"{self.ingress.base_url}/healthz/lb")

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines of the access log so far."""
        return lines_of(self.envoy)

    def place(self, name: str, *, text: str) -> None:
        """Puts another place file there, at once, as a mounted one is changed."""
        new = self.envoy.log.with_name("new")
        new.write_text(text)
        new.rename(self.envoy.log.parent / "place" / name)


def lines_of(envoy: Child) -> list[dict[str, Any]]:
    """The access log among what an Envoy wrote."""
    written = envoy.log.read_text().splitlines()
    return [json.loads(line) for line in written if line.startswith("{")]


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
def home(new_home: NewHome) -> Home:
    """The addresses of this module's Pod."""
    return new_home()


@pytest.fixture(scope="module")
def app(home: Home, new_app: NewApp, serve: Serve) -> Iterator[Any]:
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
    addresses = (ROOT / "local/place/clusters.yaml").read_text()
    issuer = (ROOT / "local/place/jwt.yaml").read_text()
    outside = (ROOT / "local/place/relay.yaml").read_text()
    host, port = issuer_address

    def run(
        document: dict[str, Any], *, home: Home, arguments: tuple[str, ...] = (),
        jwt: Callable[[str], str] = place_changed, clusters: Callable[[str], str] = str,
        relay: Callable[[str], str] = str,
    ) -> Child:  # fmt: skip
        directory = tmp_path_factory.mktemp("envoy")
        (directory / "place").mkdir()
        (directory / "place/jwt.yaml").write_text(jwt(issuer))
        found = envoy_files.with_endpoint(addresses, cluster="issuer", at=Address(host, port))
        (directory / "place/clusters.yaml").write_text(clusters(found))
        (directory / "place/relay.yaml").write_text(relay(outside))
        (directory / "envoy.yaml").write_text(envoy_files.rehomed(json.dumps(document), home=home))
        child = Child.start(
            [binaries.envoy(), "-c", "envoy.yaml", "--concurrency", "1", "--log-level", "warning",
             "--reject-unknown-dynamic-fields", "--file-flush-interval-msec", "50",
             *envoy_files.EXTRA_ARGUMENTS, *arguments],
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
    sidecar_file: str, changed: Change, home: Home, app_ready: threading.Event,
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
def ingress(envoy: Child, home: Home) -> Iterator[httpx.Client]:
    """Where the load balancer sends requests."""
    assert envoy.running
    yield from client_of(home.address, port=8080)


@pytest.fixture(scope="module")
def metrics(envoy: Child, home: Home) -> Iterator[httpx.Client]:
    """Where the kubelet and Prometheus ask."""
    assert envoy.running
    yield from client_of(home.address, port=9902)


@pytest.fixture(scope="module")
def admin(envoy: Child, home: Home) -> Iterator[httpx.Client]:
    """What only the Pod itself reaches."""
    assert envoy.running
    yield from client_of(home.loopback, port=9901)


@pytest.fixture
def access_log(envoy: Child) -> Callable[[], list[dict[str, Any]]]:
    """The lines of the access log so far."""
    return lambda: lines_of(envoy)


@pytest.fixture(scope="module")
def new_pod(
    config: Callable[[str], dict[str, Any]], sidecar_file: str, run_envoy: Callable[..., Child],
    new_home: NewHome, new_app: NewApp, serve: Serve, until: Callable[..., None],
) -> Iterator[Callable[..., Pod]]:  # fmt: skip
    """Starts a further Pod, with files of its own: what a test needs, or a negative control."""
    with ExitStack() as stack:

        def client(address: str, port: int) -> httpx.Client:
            made = httpx.Client(base_url=f"http://{address}:{port}", trust_env=False, timeout=20)
            return stack.enter_context(made)

        def start(
            change: Change = lambda _: None, *, well: bool = True, **place: Callable[[str], str]
        ) -> Pod:
            home, app, document = new_home(), new_app(), config(sidecar_file)
            change(document)
            stack.enter_context(serve(app.handler(), host=home.loopback, port=8000))
            stack.callback(app.released.set)
            pod = Pod(
                home=home, app=app, envoy=run_envoy(document, home=home, **place),
                ingress=client(home.address, 8080), admin=client(home.loopback, 9901),
            )  # fmt: skip
            until(lambda: pod.app_is_well or not pod.envoy.running, what="the app passes a check")
            assert pod.envoy.running, pod.envoy.tail(50)
            until(lambda: pod.health == 200 or not well, what="/healthz/lb answers 200")
            return pod

        yield start


@pytest.fixture(scope="session")
def without() -> Callable[..., Change]:
    """A change of a file: what stands at these paths of its ingress is taken out."""

    def change_of(*paths: str) -> Change:
        def change(document: dict[str, Any]) -> None:
            for path in paths:
                take_out(document, f"{INGRESS} {path}")

        return change

    return change_of


@pytest.fixture(scope="session")
def having() -> Callable[..., Change]:
    """A change of a file: another value stands at a path of its ingress."""

    def change_of(path: str, value: object) -> Change:
        def change(document: dict[str, Any]) -> None:
            owner, key = owner_of(document, f"{INGRESS} {path}")
            owner[key] = value

        return change

    return change_of
