from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

Bearer = Callable[..., dict[str, str]]
Without = Callable[..., Callable[[dict[str, Any]], object]]
Text = Callable[[str], str]
JWT = Path(__file__).parents[3] / "local/place/jwt.yaml"
HEALTH = "http_filters envoy.filters.http.health_check"


def misspelt(text: str) -> str:
    """A line of security by one letter."""
    assert "require_expiration: true" in text
    return text.replace("require_expiration: true", "require_expirations: true")


def an_unknown_type(text: str) -> str:
    """A cluster that is of no type."""
    assert "STATIC" in text
    return text.replace("STATIC", "STATIK")


REFUSED: dict[str, tuple[dict[str, Text], int]] = {
    "misspelt issuer": ({"jwt": misspelt}, 500),
    "no issuer": ({"jwt": lambda _: "resources: []"}, 500),
    "misspelt cluster": ({"clusters": an_unknown_type}, 503),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_refused_place_file_makes_no_pod_ready(
    why: str, new_pod: Callable[..., Any], bearer: Bearer
) -> None:
    """What Envoy refuses is not ignored: nobody comes in, and nobody is sent here either."""
    place, status = REFUSED[why]
    pod = new_pod(well=False, **place)

    assert pod.health == status
    assert pod.ingress.get("/v1/listings", headers=bearer()).status_code == status
    assert httpx.get(f"http://{pod.home.address}:9902/ready", trust_env=False).status_code == 200


def test_a_mended_place_file_makes_it_ready(
    new_pod: Callable[..., Any], bearer: Bearer, until: Callable[..., None]
) -> None:
    """Without a restart."""
    pod = new_pod(well=False, jwt=misspelt)
    pod.place("jwt.yaml", text=JWT.read_text())

    until(lambda: pod.health == 200, what="the Pod is ready", seconds=5)
    assert pod.ingress.get("/v1/listings", headers=bearer()).status_code == 200


def test_a_place_file_that_becomes_bad_changes_nothing(
    new_pod: Callable[..., Any], bearer: Bearer, until: Callable[..., None]
) -> None:
    """What was taken before stays: good tokens pass, one that never expires does not."""
    pod = new_pod()
    pod.place("jwt.yaml", text=misspelt(JWT.read_text()))
    counted = "/stats?filter=extension_config_discovery.*config_fail"
    until(lambda: pod.admin.get(counted).text.strip().endswith(": 1"), what="it is refused")

    statuses = [
        pod.ingress.get("/v1/listings", headers=headers).status_code
        for headers in (bearer(), bearer(exp=None))
    ]
    assert (pod.health, statuses) == (200, [200, 401])


def test_with_the_health_check_in_front_it_would_be_ready(
    new_pod: Callable[..., Any], bearer: Bearer
) -> None:
    """The control: in the usual order the Pod is ready, and each request is answered 500."""

    def usual(document: dict[str, Any]) -> None:
        (chain,) = document["static_resources"]["listeners"][0]["filter_chains"]
        filters = chain["filters"][0]["typed_config"]["http_filters"]
        filters.insert(0, filters.pop(2))

    pod = new_pod(usual, jwt=misspelt)

    assert pod.ingress.get("/v1/listings", headers=bearer()).status_code == 500


def test_without_asking_for_the_issuer_it_would_be_ready(
    new_pod: Callable[..., Any], without: Without, bearer: Bearer
) -> None:
    """The control: with the app's health alone, a Pod that can check no token is ready."""
    issuer = f"{HEALTH} typed_config cluster_min_healthy_percentages issuer"
    pod = new_pod(without(issuer), clusters=an_unknown_type)

    assert pod.ingress.get("/v1/listings", headers=bearer()).status_code == 503


def test_without_its_exemption_no_pod_would_be_ready(
    new_pod: Callable[..., Any], without: Without
) -> None:
    """The control: the health check stands behind the token filter, and has no token."""
    exemption = "route_config virtual_hosts app routes 0 typed_per_filter_config jwt"

    assert new_pod(without(exemption), well=False).health == 401
