# ruff: noqa: PLR0913, PLR0917 — a fixture is asked for by being an argument

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx

from bukken_local.kubernetes.envoy_files import Home
from bukken_local.processes.child import Child

Bearer = Callable[..., dict[str, str]]
Config = Callable[[str], dict[str, Any]]


def answer_of(url: str, *, headers: dict[str, str] | None = None) -> httpx.Response | None:
    """What a GET is answered with, if anybody is there."""
    try:
        return httpx.get(url, headers=headers, trust_env=False, timeout=5)
    except httpx.TransportError:
        return None


def test_no_request_reaches_an_app_that_is_not_ready(
    config: Config, run_envoy: Callable[..., Child], new_home: Callable[[], Home], bearer: Bearer,
    new_app: Callable[[], Any], serve: Callable[..., AbstractContextManager[int]],
    until: Callable[..., None],
) -> None:  # fmt: skip
    """Until the app says it is ready, clients get 503 with Retry-After; then it takes a second."""
    home, app = new_home(), new_app()
    app.ready.clear()
    url = f"http://{home.address}:8080/v1/listings"
    with serve(app.handler(), host=home.loopback, port=8000):
        run_envoy(config("query-api"), home=home)
        until(lambda: answer_of(url) is not None, what="Envoy listens")

        early = answer_of(url, headers=bearer())
        lb = answer_of(f"http://{home.address}:8080/healthz/lb")
        app.ready.set()
        until(
            lambda: (later := answer_of(url, headers=bearer())) and later.status_code == 200,
            what="requests are served within two checks",
            seconds=2.5,
        )

    assert early is not None
    assert lb is not None
    assert (early.status_code, early.headers["retry-after"], lb.status_code) == (503, "1", 503)
