# ruff: noqa: PLR0913, PLR0917 — a fixture is asked for by being an argument

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import pytest

Bearer = Callable[..., dict[str, str]]
Config = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def thresholds(config: Config, sidecar_file: str) -> dict[str, int]:
    """The file's own numbers."""
    clusters = config(sidecar_file)["static_resources"]["clusters"]
    found: dict[str, int] = clusters[0]["circuit_breakers"]["thresholds"][0]
    return found


@pytest.fixture
def overload(
    ingress: httpx.Client, admin: httpx.Client, bearer: Bearer, until: Callable[..., None],
    thresholds: dict[str, int], app_released: threading.Event,
) -> Iterator[list[Future[httpx.Response]]]:  # fmt: skip
    """The app answers nothing; as many requests as Envoy takes are under way."""
    headers, many = bearer(), thresholds["max_connections"] + thresholds["max_pending_requests"]
    with ThreadPoolExecutor(many) as pool:
        held: list[Future[httpx.Response]] = []
        # One kind after the other: who waits for a connection to be made takes a place as well.
        for gauge_name, limit in {
            "upstream_rq_active": "max_connections",
            "upstream_rq_pending_active": "max_pending_requests",
        }.items():
            held += [
                pool.submit(ingress.get, "/v1/listings/held", headers=headers)
                for _ in range(thresholds[limit])
            ]
            until(
                lambda name=gauge_name, all_=thresholds[limit]: gauge(admin, name) == all_,
                what=f"{gauge_name} is {limit}",
            )
        yield held
        app_released.set()


def gauge(admin: httpx.Client, name: str) -> int:
    """A number of local_app's, as Envoy counts it."""
    text = admin.get("/stats", params={"filter": f"^cluster.local_app.{name}$"}).text
    found = re.search(r": (\d+)", text)
    assert found, text
    return int(found[1])


def test_an_overload_is_refused_at_once_and_harms_nobody(
    overload: list[Future[httpx.Response]], ingress: httpx.Client, bearer: Bearer,
    app_released: threading.Event, thresholds: dict[str, int], admin: httpx.Client,
) -> None:  # fmt: skip
    """The one too many is 503 with Retry-After; the Pod stays healthy; all others are answered."""
    refused = ingress.get("/v1/listings", headers=bearer())
    healthy = ingress.get("/healthz/lb")
    busy = gauge(admin, "upstream_cx_active")
    app_released.set()

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["title"] == "Service Unavailable"
    assert healthy.status_code == 200
    assert busy == thresholds["max_connections"]
    assert {future.result(20).status_code for future in overload} == {200}
