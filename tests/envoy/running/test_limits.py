from collections.abc import Callable
from typing import Any

import httpx
import pytest

Bearer = Callable[..., dict[str, str]]
Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def changed() -> Callable[[dict[str, Any]], None]:
    """A client may send five requests and then one an hour, so that no test is a race."""

    def shrink(document: dict[str, Any]) -> None:
        manager = document["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]
        filters = {each["name"]: each for each in manager["typed_config"]["http_filters"]}
        bucket = filters["client_limit"]["typed_config"]["descriptors"][0]["token_bucket"]
        bucket.update(max_tokens=5, tokens_per_fill=1, fill_interval="3600s")

    return shrink


def test_one_client_over_its_limit_does_not_harm_another(
    ingress: httpx.Client, bearer: Bearer
) -> None:
    """The sixth of five requests is 429 with Retry-After; another client's is answered."""
    greedy, modest = bearer(client_id="greedy"), bearer(client_id="modest")

    answers = [ingress.get("/v1/listings", headers=greedy) for _ in range(6)]
    other = ingress.get("/v1/listings", headers=modest)

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[-1].headers["retry-after"] == "1"
    assert answers[-1].json()["title"] == "Too Many Requests"
    assert other.status_code == 200


FIVE = {"max_tokens": 5, "tokens_per_fill": 1, "fill_interval": "3600s"}
POD_LIMIT = "http_filters pod_limit"


@pytest.fixture(scope="module")
def small_pod(new_pod: Callable[..., Any], having: Callable[..., Any]) -> httpx.Client:
    """The ingress of a Pod that takes five requests in all, and then one an hour."""
    ingress: httpx.Client = new_pod(having(f"{POD_LIMIT} typed_config token_bucket", FIVE)).ingress
    return ingress


def test_the_pod_is_limited_before_anybody_is_known(
    small_pod: httpx.Client, bearer: Bearer
) -> None:
    """Five bad tokens are looked at; the sixth request is 429, be its token ever so good."""
    junk = {"authorization": "Bearer a.b.c"}

    answers = [small_pod.get("/v1/listings", headers=junk) for _ in range(5)]
    good = small_pod.get("/v1/listings", headers=bearer())

    assert [answer.status_code for answer in answers] == [401] * 5
    assert (good.status_code, good.headers["retry-after"]) == (429, "1")


def test_health_is_never_limited(small_pod: httpx.Client) -> None:
    """The load balancer's question passes, and takes nothing of what there is for others."""
    statuses = {small_pod.get("/healthz/lb").status_code for _ in range(20)}

    assert statuses == {200}


def test_only_the_health_check_is_exempt(small_pod: httpx.Client) -> None:
    """With a query behind it, it is a path like any other."""
    statuses = [small_pod.get("/healthz/lb?x").status_code for _ in range(6)]

    assert statuses[-1] == 429


def test_without_the_pods_limit_every_token_is_looked_at(
    new_pod: Callable[..., Any], without: Callable[..., Any]
) -> None:
    """The control: nobody says 429 to who is unknown."""
    pod = new_pod(without(POD_LIMIT))

    assert {pod.ingress.get("/v1/listings").status_code for _ in range(20)} == {401}


def test_without_its_exemption_health_would_be_limited(
    new_pod: Callable[..., Any], having: Callable[..., Any], without: Callable[..., Any]
) -> None:
    """The control: a busy Pod would be taken for a dead one."""
    exemption = "route_config virtual_hosts app routes 0 typed_per_filter_config pod_limit"

    def change(document: dict[str, Any]) -> None:
        having(f"{POD_LIMIT} typed_config token_bucket", FIVE)(document)
        without(exemption)(document)

    pod = new_pod(change, well=False)

    assert [pod.health for _ in range(6)][-1] == 429


def test_thirty_clients_are_counted_each_for_itself(ingress: httpx.Client, bearer: Bearer) -> None:
    """Who is over the limit stays over it, however many others come."""
    assert greedy_after_thirty(ingress, bearer) == 429


def test_by_default_twenty_are_counted(
    new_pod: Callable[..., Any], without: Callable[..., Any], changed: Change, bearer: Bearer
) -> None:
    """The control: without the number of clients, the 21st has the first one's count forgotten."""

    def change(document: dict[str, Any]) -> None:
        changed(document)
        without("http_filters client_limit typed_config max_dynamic_descriptors")(document)

    assert greedy_after_thirty(new_pod(change).ingress, bearer) == 200


def greedy_after_thirty(ingress: httpx.Client, bearer: Bearer) -> int:
    """What a client over its limit is told when thirty others have come."""
    greedy = bearer(client_id="first of many")
    for headers in [greedy] * 5 + [bearer(client_id=f"portal-{n}") for n in range(30)]:
        assert ingress.get("/v1/listings", headers=headers).status_code == 200
    return ingress.get("/v1/listings", headers=greedy).status_code


def test_a_client_sees_what_is_left(
    ingress: httpx.Client, new_pod: Callable[..., Any], without: Callable[..., Any], bearer: Bearer
) -> None:
    """On each answer, before it is over its limit; without the line it is told nothing."""
    headers, line = bearer(client_id="careful"), "enable_x_ratelimit_headers"
    silent = new_pod(without(f"http_filters client_limit typed_config {line}")).ingress

    told, untold = (client.get("/v1/listings", headers=headers) for client in (ingress, silent))

    assert told.headers["x-ratelimit-remaining"] == "4"
    assert "x-ratelimit-remaining" not in untold.headers


def test_the_limit_can_be_lifted_live(
    ingress: httpx.Client, admin: httpx.Client, bearer: Bearer
) -> None:
    """An operator turns enforcement off without a restart."""
    client = bearer(client_id="importer")
    admin.post("/runtime_modify?client_limit.enforced=0")

    answers = {ingress.get("/v1/listings", headers=client).status_code for _ in range(10)}

    admin.post("/runtime_modify?client_limit.enforced=")
    assert answers == {200}
