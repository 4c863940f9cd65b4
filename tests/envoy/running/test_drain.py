"""Two Pods: the relay, which drains, and query-api, which it goes on calling."""

# ruff: noqa: PLR0913, PLR0917 — a fixture is asked for by being an argument

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import httpx
import pytest

from bukken_local.kubernetes.envoy_files import Home, resolver
from bukken_local.processes.child import Child

Bearer = Callable[..., dict[str, str]]
Config = Callable[[str], dict[str, Any]]
Context = Callable[..., AbstractContextManager[int]]
MESH = "query-api-mesh.bukken.svc.cluster.local."


@pytest.fixture(scope="module")
def peer(
    config: Config, run_envoy: Callable[..., Child], new_home: Callable[[], Home],
    new_app: Callable[[], Any], serve: Context,
) -> Iterator[Home]:  # fmt: skip
    """A Pod of query-api."""
    home = new_home()
    with serve(new_app().handler(), host=home.loopback, port=8000):
        run_envoy(config("query-api"), home=home)
        yield home


@pytest.fixture(scope="module")
def envoy(
    config: Config, run_envoy: Callable[..., Child], home: Home, app_ready: threading.Event,
    peer: Home, resolve: Context, until: Callable[..., None],
) -> Iterator[Child]:  # fmt: skip
    """The Envoy of the relay, which finds its peer by name."""
    assert app_ready.is_set()
    with ExitStack() as stack:
        port = stack.enter_context(resolve({MESH: [peer.address]}, host=home.loopback))
        arguments = resolver(host=home.loopback, port=port)
        child = run_envoy(config("inquiry-relay"), home=home, arguments=tuple(arguments))
        until(lambda: health_of(home) == 200, what="/healthz/lb answers 200")
        yield child


def health_of(home: Home) -> int:
    """What the load balancer is told; 0 when nobody answers."""
    try:
        return httpx.get(f"http://{home.address}:8080/healthz/lb", trust_env=False).status_code
    except httpx.TransportError:
        return 0


@pytest.fixture
def egress(
    admin: httpx.Client, home: Home, until: Callable[..., None]
) -> Iterator[httpx.Client]:  # fmt: skip
    """The way out to query-api, once Envoy's own check has passed there."""

    def healthy_peers() -> str:
        return admin.get("/stats", params={"filter": "query-api.membership_healthy"}).text

    until(lambda: healthy_peers().strip().endswith(": 1"), what="the peer is healthy")
    url, host = f"http://{home.loopback}:9001", {"host": "query-api"}
    with httpx.Client(base_url=url, headers=host, trust_env=False) as client:
        yield client


@pytest.fixture
def drained(admin: httpx.Client) -> Iterator[None]:
    """What preStop does, undone when the test is over."""
    admin.post("/healthcheck/fail")
    yield
    admin.post("/healthcheck/ok")


def test_a_draining_pod_serves_and_says_goodbye(
    peer: Home, bearer: Bearer, until: Callable[..., None]
) -> None:
    """The load balancer is told to stop; who still comes is served and told to close."""
    until(lambda: health_of(peer) == 200, what="the Pod is well")
    admin = f"http://{peer.loopback}:9901/healthcheck"
    httpx.post(f"{admin}/fail", trust_env=False)
    url = f"http://{peer.address}:8080/v1/listings/k"
    answer = httpx.get(url, headers=bearer(), trust_env=False)
    health = health_of(peer)
    httpx.post(f"{admin}/ok", trust_env=False)

    assert health == 503
    assert (answer.status_code, answer.headers["connection"]) == (200, "close")


@pytest.mark.usefixtures("drained")
def test_a_draining_pod_keeps_its_way_out(egress: httpx.Client, bearer: Bearer) -> None:
    """Calls of the Pod's own go on, on connections that stay open."""
    answer = egress.get("/v1/listings/k", headers=bearer())

    assert answer.status_code == 200
    assert "connection" not in answer.headers


def test_a_pod_that_serves_again_keeps_connections(ingress: httpx.Client, bearer: Bearer) -> None:
    """After /healthcheck/ok nothing of the drain is left."""
    answer = ingress.put("/v1/listings/k", headers=bearer("listings.write"))

    assert "connection" not in answer.headers


def test_a_caller_carries_its_request_id_no_further(egress: httpx.Client, bearer: Bearer) -> None:
    """The peer names the request itself, as it does for everybody."""
    answer = egress.get("/v1/listings/k", headers=bearer() | {"x-request-id": "mine"})

    assert answer.headers["x-request-id"] != "mine"


@pytest.mark.parametrize(("method", "host"), [("PUT", "query-api"), ("GET", "example.com")])
def test_the_way_out_leads_nowhere_else(method: str, host: str, egress: httpx.Client) -> None:
    """Only reads, and only to the service that is named."""
    answer = egress.request(method, "/v1/listings/k", headers={"host": host})

    assert answer.status_code == 404
