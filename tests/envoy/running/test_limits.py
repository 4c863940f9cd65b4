from collections.abc import Callable
from typing import Any

import httpx
import pytest

Bearer = Callable[..., dict[str, str]]


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


def test_health_is_never_limited(ingress: httpx.Client) -> None:
    """The load balancer's question passes before any limit."""
    assert {ingress.get("/healthz/lb").status_code for _ in range(20)} == {200}


def test_the_limit_can_be_lifted_live(
    ingress: httpx.Client, admin: httpx.Client, bearer: Bearer
) -> None:
    """An operator turns enforcement off without a restart."""
    client = bearer(client_id="importer")
    admin.post("/runtime_modify?client_limit.enforced=0")

    answers = {ingress.get("/v1/listings", headers=client).status_code for _ in range(10)}

    admin.post("/runtime_modify?client_limit.enforced=")
    assert answers == {200}
