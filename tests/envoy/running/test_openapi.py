from collections.abc import Callable
from typing import Any

import httpx
import pytest

Bearer = Callable[..., dict[str, str]]
Change = Callable[[dict[str, Any]], object]
Seen = list[dict[str, Any]]

PATHS = ["/v1/openapi.json", "/v1/openapi.html"]
ROUTE = "route_config virtual_hosts app routes 1"


@pytest.fixture(scope="module")
def changed(having: Callable[..., Change]) -> Change:
    """Five a second instead of fifty."""
    five = {"max_tokens": 5, "tokens_per_fill": 5, "fill_interval": "60s"}
    return having(f"{ROUTE} typed_per_filter_config client_limit token_bucket", five)


def test_anybody_may_read_it_in_small_measure(ingress: httpx.Client, seen: Seen) -> None:
    """It takes no token; who asks again and again is told to wait."""
    statuses = [ingress.get(path).status_code for path in PATHS * 3]

    assert statuses == [200] * 5 + [429]
    assert [request["path"] for request in seen] == (PATHS * 3)[:5]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "OPTIONS"])
def test_only_reading_takes_no_token(
    method: str, path: str, ingress: httpx.Client, bearer: Bearer, seen: Seen
) -> None:
    """A body from who is unknown is never waited for; with a token the app says 405."""
    unknown = ingress.request(method, path, content=b"{}")
    ingress.request(method, path, headers=bearer())

    assert unknown.status_code == 401
    assert [request["method"] for request in seen] == [method]


@pytest.mark.parametrize(
    "path",
    ["/v1/openapi.json/", "/v1/openapi.json/../listings", "/v1/openapi-json", "/v1/listings"],
)
def test_nothing_beside_it_is_open(path: str, ingress: httpx.Client, seen: Seen) -> None:
    """The exemption matches two whole paths."""
    request = ingress.build_request("GET", "/")
    request.extensions = {**request.extensions, "target": path.encode()}

    assert (ingress.send(request).status_code, seen) == (401, [])
