"""The stand-in against targets that the tests make well, ill and dead; its checks sped up."""

# ruff: noqa: PLR0913, PLR0917 — a fixture is asked for by being an argument

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import httpx
import pytest

from bukken_local.kubernetes.envoy_files import Home, resolver
from bukken_local.processes.child import Child

Config = Callable[[str], dict[str, Any]]
Context = Callable[..., AbstractContextManager[int]]
Until = Callable[..., None]
QUERY = "query-api.bukken.svc.cluster.local."
COMMAND = "command-api.bukken.svc.cluster.local."


class Target:
    """A Pod as the load balancer sees it, at an address of its own."""

    def __init__(self, app: Any, *, address: str) -> None:  # noqa: ANN401 — conftest's FakeApp
        self.app = app
        self.address = address


@pytest.fixture(scope="module")
def targets(
    new_app: Callable[[], Any], new_home: Callable[[], Home], serve: Context
) -> Iterator[dict[str, Target]]:
    """Two of query-api, one of command-api."""
    made = {name: Target(new_app(), address=new_home().address) for name in ("a", "b", "command")}
    with ExitStack() as stack:
        for target in made.values():
            stack.enter_context(serve(target.app.handler(), host=target.address, port=8080))
        yield made


@pytest.fixture(scope="module")
def addresses(targets: dict[str, Target]) -> dict[str, list[str]]:
    """What the names stand for; a test may change it."""
    return {
        QUERY: [targets["a"].address, targets["b"].address],
        COMMAND: [targets["command"].address],
    }


def sped_up(document: dict[str, Any]) -> dict[str, Any]:
    """Ten checks a second, as many looks at DNS, and no second's wait to tell a worker of them."""
    for cluster in document["static_resources"]["clusters"]:
        cluster["health_checks"][0].update(interval="0.1s", no_traffic_interval="0.1s")
        cluster["common_lb_config"]["update_merge_window"] = "0s"
        cluster["cluster_type"]["typed_config"]["dns_refresh_rate"] = "0.1s"
    return document


@pytest.fixture(scope="module")
def alb(
    config: Config, run_envoy: Callable[..., Child], home: Home, resolve: Context,
    addresses: dict[str, list[str]], until: Until,
) -> Iterator[httpx.Client]:  # fmt: skip
    """The load balancer, with all targets healthy."""
    with ExitStack() as stack:
        port = stack.enter_context(resolve(addresses, host=home.loopback))
        arguments = tuple(resolver(host=home.loopback, port=port))
        run_envoy(sped_up(config("alb")), home=home, arguments=arguments)
        until(lambda: health(home).count("flags::healthy") == 3, what="3 targets are healthy")
        url = f"http://{home.address}:8088"
        yield stack.enter_context(httpx.Client(base_url=url, trust_env=False, timeout=20))


def health(home: Home) -> str:
    """What the load balancer thinks of its targets."""
    try:
        return httpx.get(f"http://{home.loopback}:9901/clusters", trust_env=False).text
    except httpx.TransportError:
        return ""


def flags(home: Home, target: Target) -> str:
    """What it thinks of one."""
    marked = f"::{target.address}:8080::health_flags::"
    return next((line for line in health(home).splitlines() if marked in line), "gone")


@pytest.mark.parametrize(
    ("method", "side"),
    [("GET", "query"), ("HEAD", "query"), ("PUT", "command"), ("PATCH", "command"),
     ("DELETE", "command"), ("POST", "command"), ("OPTIONS", "command")],
)  # fmt: skip
def test_the_method_chooses_the_side(
    method: str, side: str, alb: httpx.Client, targets: dict[str, Target]
) -> None:
    """Reads go to query-api, all else to command-api."""
    for target in targets.values():
        target.app.seen.clear()

    alb.request(method, "/v1/listings/%E6%9D%B1%2F..?x=%20")

    query = targets["a"].app.seen + targets["b"].app.seen
    came = {"query": query, "command": targets["command"].app.seen}
    assert [each["path"] for each in came.pop(side)] == ["/v1/listings/%E6%9D%B1%2F..?x=%20"]
    assert came.popitem()[1] == []


def test_headers_go_through_as_the_alb_passes_them(
    alb: httpx.Client, targets: dict[str, Target]
) -> None:
    """The client's address is appended, names with underscores are dropped, all else stays."""
    targets["command"].app.seen.clear()

    sent = {"x-forwarded-for": "192.0.2.7", "x_client_id": "me", "x-request-id": "junk"}
    answer = alb.post("/", headers=sent)

    headers = targets["command"].app.seen[0]["headers"]
    assert headers["x-forwarded-for"].startswith("192.0.2.7,")
    assert headers["x-request-id"] == "junk"
    assert "x_client_id" not in headers
    assert answer.headers["server"].startswith("BaseHTTP")


def test_trace_and_huge_headers_are_its_own_pages(alb: httpx.Client) -> None:
    """What the ALB refuses itself is HTML, not a problem."""
    trace = alb.request("TRACE", "/v1/listings")
    huge = alb.get("/", headers={"x": "a" * 70_000})

    assert (trace.status_code, huge.status_code) == (405, 400)
    assert trace.headers["content-type"] == "text/html"
    assert trace.headers["server"] == "awselb/2.0"
    assert "<h1>405 Not Allowed</h1>" in trace.text


def test_an_ill_target_gets_nothing_until_it_is_well_twice(
    alb: httpx.Client, targets: dict[str, Target], home: Home, until: Until
) -> None:
    """While one is ill the other serves all, and its answer to checks brings it back."""
    ill = targets["a"].app
    ill.ready.clear()
    until(lambda: "failed_active_hc" in flags(home, targets["a"]), what="a is out")
    ill.seen.clear()

    answers = {alb.get("/v1/listings").status_code for _ in range(10)}

    assert (answers, ill.seen) == ({200}, [])
    ill.ready.set()
    until(lambda: flags(home, targets["a"]).endswith("healthy"), what="a is back")


def test_it_fails_open_when_all_are_ill(
    alb: httpx.Client, targets: dict[str, Target], home: Home, until: Until
) -> None:
    """With no healthy target at all, every target is tried."""
    both = [targets["a"], targets["b"]]
    for target in both:
        target.app.ready.clear()
        target.app.seen.clear()
    until(lambda: all("failed" in flags(home, each) for each in both), what="both are out")

    answers = {alb.get("/v1/listings").status_code for _ in range(10)}

    assert answers == {200}
    assert all(target.app.seen for target in both)
    for target in both:
        target.app.ready.set()
    until(lambda: all("healthy" in flags(home, each) for each in both), what="both are back")


def test_a_draining_envoy_is_found_out_by_the_check_alone(
    alb: httpx.Client, targets: dict[str, Target], home: Home
) -> None:
    """The header by which Envoys tell each other to go away means nothing to the ALB."""
    for target in targets.values():
        target.app.extra_headers = {"x-envoy-immediate-health-check-fail": "true"}

    answers = [alb.get("/v1/listings") for _ in range(4)]

    for target in targets.values():
        target.app.extra_headers = {}
    assert {answer.status_code for answer in answers} == {200}
    assert "failed" not in flags(home, targets["a"]) + flags(home, targets["b"])


def test_a_refused_connection_is_502_and_not_tried_again(
    alb: httpx.Client, addresses: dict[str, list[str]], new_home: Callable[[], Home],
    home: Home, until: Until,
) -> None:  # fmt: skip
    """The one target is dead: 502 in HTML, where an Envoy would try another or say 503."""
    dead = Target(None, address=new_home().address)
    before, addresses[COMMAND] = addresses[COMMAND], [dead.address]
    until(lambda: "failed_active_hc" in flags(home, dead), what="the dead target is known")

    answer = alb.put("/v1/listings/k")

    addresses[COMMAND] = before
    assert answer.status_code == 502
    assert "<h1>502 Bad Gateway</h1>" in answer.text


def test_no_target_at_all_is_503(
    alb: httpx.Client, addresses: dict[str, list[str]], home: Home, until: Until
) -> None:
    """An empty target group is 503 in HTML."""
    before, addresses[COMMAND] = addresses[COMMAND], []
    until(lambda: "command-api::127" not in health(home), what="no target is left")

    answer = alb.put("/v1/listings/k")

    addresses[COMMAND] = before
    assert (answer.status_code, answer.headers["content-type"]) == (503, "text/html")


def test_a_target_that_left_finishes_what_it_has(
    alb: httpx.Client, targets: dict[str, Target], addresses: dict[str, list[str]], home: Home,
    until: Until,
) -> None:  # fmt: skip
    """A deregistered target answers what is in flight and gets nothing new."""
    leaving = targets["a"]
    addresses[QUERY] = [leaving.address]
    until(lambda: flags(home, targets["b"]) == "gone", what="b is gone")
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(alb.get, "/v1/listings/held")
        assert leaving.app.waiting.acquire(timeout=5)
        addresses[QUERY] = [targets["b"].address]
        until(lambda: flags(home, targets["b"]).endswith("healthy"), what="b serves")
        new = alb.get("/v1/listings")
        leaving.app.released.set()

    assert (held.result(5).status_code, new.status_code) == (200, 200)
    assert leaving.app.seen[-1]["path"] == "/v1/listings/held"
