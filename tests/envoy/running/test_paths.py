from collections.abc import Callable
from typing import Any

import httpx
import pytest

Bearer = Callable[..., dict[str, str]]
Seen = list[dict[str, Any]]


def get(ingress: httpx.Client, path: bytes, *, headers: dict[str, str]) -> httpx.Response:
    """Asks for a path exactly as written; httpx would tidy it up."""
    request = ingress.build_request("GET", "/", headers=headers)
    request.extensions = {**request.extensions, "target": path}
    return ingress.send(request)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/listings/%E6%9D%B1%E4%BA%AC",  # Japanese
        "/v1/listings/%FF",  # not UTF-8: the app's 400
        "/v1/listings/..",  # the app's 422
        "/v1/listings/.",
        "/v1/listings/%2E%2E",
        "/v1/listings/a%20b%3Fc%23d%25",
        "/v1/listings/" + "%E6%9D%B1" * 255,
        "/v1/listings/a;b=c,d",
        "/v1/listings?ListingKey=a,b&x=%2F",
        "/v1/batches/listings",  # the app's 405
    ],
)
def test_a_key_reaches_the_app_as_it_was_sent(
    path: str, ingress: httpx.Client, bearer: Bearer, seen: Seen
) -> None:
    """Whatever may be a key is for the app to judge, byte for byte."""
    get(ingress, path.encode(), headers=bearer())

    assert [request["path"] for request in seen] == [path]


@pytest.mark.parametrize("segment", ["a%2Fb", "a%2fb", "a%5Cb", "..%2F..", "%2F"])
def test_an_escaped_slash_is_refused(
    segment: str, ingress: httpx.Client, bearer: Bearer, seen: Seen
) -> None:
    """An escaped slash would be one path to Envoy and another to the app."""
    answer = get(ingress, f"/v1/listings/{segment}".encode(), headers=bearer())

    assert (answer.status_code, seen) == (400, [])


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/",
        "/v1/listings/",
        "/v1/listingsfoo",
        "/v1/listing-keys/",
        "/v1/listing-keys/a",
        "/v1/changes/1",
        "/v1/exports",
        "/v1/exports/listings/a",
        "/v1/batches",
        "/v1/batches/listings/",
        "/v1/inquiries/",
        "/v1/inquiries/a/b",
        "/v1/listings/a/b",
        "/v1/listings//a",
        "//v1/listings",
        "/V1/listings",
        "/v1/listings/../../healthz/ready",
        "/healthz/ready",
        "/healthz/live",
        "/docs",
        "/openapi.json",
        "/v1/openapi-json",
        "/v1/openapi.yaml",
        "/v1/openapi.json/",
        "/healthz/lb/",
    ],
)
def test_what_is_not_in_the_table_never_reaches_the_app(
    path: str, ingress: httpx.Client, bearer: Bearer, seen: Seen
) -> None:
    """An unlisted path is 404 with a token, 401 without, and the app never hears of it."""
    known = get(ingress, path.encode(), headers=bearer())
    unknown = get(ingress, path.encode(), headers={})

    assert (known.status_code, unknown.status_code, seen) == (404, 401, [])


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "FOO"])
def test_an_odd_method_does_no_harm(method: str, ingress: httpx.Client) -> None:
    """An unusual method without a token gets nowhere."""
    answer = ingress.request(method, "/v1/listings")

    assert answer.status_code in {400, 401, 403, 404}
