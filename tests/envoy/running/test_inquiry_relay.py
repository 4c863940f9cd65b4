"""The relay's way in: the question for its health, and nothing else."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import yaml


@pytest.fixture(scope="module")
def sidecar_file() -> str:
    """Which file runs."""
    return "inquiry-relay"


@pytest.mark.parametrize(
    "path", ["/", "/healthz/ready", "/healthz/lb?x", "/v1/inquiries", "/leads"]
)
def test_nothing_but_its_health_is_answered(
    path: str, ingress: httpx.Client, seen: list[dict[str, Any]]
) -> None:
    """Nobody reaches the app, nor by it the way out."""
    assert ingress.get("/healthz/lb").status_code == 200
    assert ingress.get(path).status_code == 404
    assert seen == []


def without(cluster: str) -> Callable[[str], str]:
    """The place's file, with one cluster less."""

    def change(text: str) -> str:
        resources = yaml.safe_load(text)["resources"]
        return yaml.safe_dump(
            {"resources": [each for each in resources if each["name"] != cluster]}
        )

    return change


@pytest.mark.parametrize(
    "change",
    [
        without("token-endpoint"),
        without("back-end"),
        lambda text: text.replace("STATIC", "STATICK"),
    ],
    ids=["no token-endpoint", "no back-end", "misspelt"],
)
def test_a_place_file_that_lacks_a_way_out_makes_the_pod_unready(
    change: Callable[[str], str], new_pod: Callable[..., Any]
) -> None:
    """A rollout stops before all relays have no way to the back end, or to a token."""
    assert new_pod(well=False, relay=change).health == 503


def test_so_does_an_app_that_is_not_ready(
    new_pod: Callable[..., Any], until: Callable[..., None]
) -> None:
    """One that cannot reach its database delivers nothing."""
    pod = new_pod()
    pod.app.ready.clear()

    until(lambda: pod.health == 503, what="the Pod is unready")


def test_a_back_end_that_is_away_does_not(ingress: httpx.Client) -> None:
    """Nobody listens at the place's address of it, and the relay is well: it waits."""
    assert ingress.get("/healthz/lb").status_code == 200


@pytest.mark.parametrize("host", ["elsewhere", "command-api", "127.0.0.1:9001"])
def test_the_way_out_leads_to_three_alone(host: str, egress: httpx.Client) -> None:
    """By the Host: query-api, token-endpoint, back-end."""
    assert egress.get("/v1/listings/k", headers={"host": host}).status_code == 404


@pytest.mark.parametrize(
    ("host", "method", "path"),
    [
        ("back-end", "GET", "/leads"),
        ("back-end", "POST", "/admin"),
        ("token-endpoint", "POST", "/oauth2/authorize"),
        ("query-api", "PUT", "/v1/listings/k"),
    ],
)
def test_and_there_to_what_it_needs(
    host: str, method: str, path: str, egress: httpx.Client
) -> None:
    """A relay that somebody broke into can do little more than the relay."""
    assert egress.request(method, path, headers={"host": host}).status_code == 404


@pytest.fixture
def egress(envoy: Any, home: Any) -> Any:  # noqa: ANN401 — the conftest's own
    """Where the relay calls."""
    assert envoy.running
    with httpx.Client(base_url=f"http://{home.loopback}:9001", trust_env=False) as client:
        yield client
