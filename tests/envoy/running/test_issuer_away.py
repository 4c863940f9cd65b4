from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx
import pytest

from bukken_local.kubernetes.envoy_files import Home

Bearer = Callable[..., dict[str, str]]
Serve = Callable[..., AbstractContextManager[int]]


@pytest.fixture(scope="module")
def issuer_address(new_home: Callable[[], Home]) -> tuple[str, int]:
    """Where an issuer will be; nobody is there yet."""
    return new_home().address, 8089


@pytest.fixture(scope="module")
def place_changed() -> Callable[[str], str]:
    """Keys are asked for every second."""
    return lambda text: text.replace("cache_duration: 300s", "cache_duration: 1s")


@pytest.fixture
def issuer_is_back(
    jwks: type[BaseHTTPRequestHandler], serve: Serve, issuer_address: tuple[str, int]
) -> Iterator[None]:
    """The issuer answers for the time of a test."""
    host, port = issuer_address
    with serve(jwks, host=host, port=port):
        yield


def test_a_pod_without_keys_says_try_again(
    ingress: httpx.Client, bearer: Bearer, seen: list[dict[str, Any]]
) -> None:
    """A token that may be good is not called bad: 503 with Retry-After, and nothing of 401."""
    answer = ingress.get("/v1/listings", headers=bearer())

    assert (answer.status_code, answer.headers["retry-after"], seen) == (503, "1", [])
    assert answer.json()["title"] == "Service Unavailable"
    assert "www-authenticate" not in answer.headers


def test_a_missing_token_is_401_all_the_same(ingress: httpx.Client) -> None:
    """Without keys it can still be told that there is no token."""
    assert ingress.get("/v1/listings").status_code == 401


@pytest.mark.usefixtures("issuer_is_back")
def test_keys_that_arrive_late_are_used(
    ingress: httpx.Client, bearer: Bearer, until: Callable[..., None]
) -> None:
    """When the issuer is back, its keys are fetched within seconds, without a restart."""
    until(
        lambda: ingress.get("/v1/listings", headers=bearer()).status_code == 200,
        what="a good token is believed",
        seconds=4,
    )


def test_keys_once_fetched_outlive_the_issuer(
    ingress: httpx.Client, admin: httpx.Client, bearer: Bearer, until: Callable[..., None]
) -> None:
    """With the issuer away again, and asked in vain, tokens are checked with the keys there are."""

    def in_vain() -> str:
        return admin.get("/stats", params={"filter": "jwks_fetch_failed"}).text

    before = in_vain()
    until(lambda: in_vain() != before, what="Envoy asks for keys in vain", seconds=4)

    assert ingress.get("/v1/listings", headers=bearer()).status_code == 200
