"""What the app itself tells Prometheus, through 9902."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

NewPod = Callable[..., Any]
Until = Callable[..., None]
MAY_WAIT = 5  # one is asked, four wait


@pytest.fixture(scope="module", params=["command-api", "query-api"])
def sidecar_file(request: pytest.FixtureRequest) -> str:
    """Which file runs."""
    return str(request.param)


def asked(address: str, path: str) -> httpx.Response:
    """What 9902 answers."""
    return httpx.get(f"http://{address}:9902{path}", trust_env=False, timeout=20)


def hanging(cluster: str) -> Callable[[dict[str, Any]], None]:
    """A file whose scrapes go through this cluster, to a path at which the app hangs."""

    def change(document: dict[str, Any]) -> None:
        listeners = document["static_resources"]["listeners"]
        (metrics,) = (each for each in listeners if each["name"] == "metrics")
        manager = metrics["filter_chains"][0]["filters"][0]["typed_config"]
        route = manager["route_config"]["virtual_hosts"][0]["routes"][4]["route"]
        route.update(cluster=cluster, prefix_rewrite="/held")

    return change


def live_while_scraped(pod: Any, *, until: Until) -> int:  # noqa: ANN401 — a Pod of the conftest
    """What the kubelet is told while as many scrapes hang as may; the others are refused."""
    with ThreadPoolExecutor(MAY_WAIT + 2) as threads:
        answers = [
            threads.submit(asked, pod.home.address, "/metrics/app") for _ in range(MAY_WAIT + 2)
        ]
        until(lambda: sum(answer.done() for answer in answers) >= 2, what="two are refused")
        told = asked(pod.home.address, "/healthz/live").status_code
        pod.app.released.set()
    return told


def test_a_scrape_reaches_the_app(new_pod: NewPod) -> None:
    """At the path that the app has for it."""
    assert asked(new_pod().home.address, "/metrics/app").json()["path"] == "/metrics"


def test_scrapes_that_hang_keep_no_probe_waiting(new_pod: NewPod, until: Until) -> None:
    """However many ask, the kubelet's question has a connection of its own."""
    assert live_while_scraped(new_pod(hanging("local_app_metrics")), until=until) == 200


def test_on_the_probes_connection_they_would(new_pod: NewPod, until: Until) -> None:
    """The negative control: a Pod that is asked too much would be killed."""
    assert live_while_scraped(new_pod(hanging("local_app_live")), until=until) == 503
