import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

Bearer = Callable[..., dict[str, str]]
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# How to be refused (path, headers to add, with which token), and the answer's status and title.
REFUSALS = {
    "no token": ("/v1/listings", {}, False, 401, "Unauthorized"),
    "wrong scope": ("/v1/listings", {}, "listings.write", 403, "Forbidden"),
    "no such path": ("/nope", {}, True, 404, "Not Found"),
    "escaped slash": ("/v1/listings/a%2Fb", {}, True, 400, "Bad Request"),
    "underscore": ("/v1/listings", {"x_client_id": "me"}, True, 400, "Bad Request"),
    "headers": ("/v1/listings", {"x": "a" * 17_000}, True, 431, "Request Header Fields Too Large"),
    "long path": ("/v1/listings/" + "a" * 17_000, {}, True, 431, "Request Header Fields Too Large"),
    "many headers": ("/v1/listings", {f"x-{n}": "" for n in range(120)}, True, 431,
                     "Request Header Fields Too Large"),
    "upgrade": ("/v1/listings", {"upgrade": "websocket", "connection": "upgrade"}, True, 403,
                "Forbidden"),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSALS)
def test_every_refusal_is_a_problem_with_a_request_id(
    why: str, ingress: httpx.Client, bearer: Bearer
) -> None:
    """Envoy's own answers have the shape of the services', and the id of header and log."""
    path, headers, token, status, title = REFUSALS[why]
    good = bearer(token if isinstance(token, str) else "listings.read") if token else {}

    answer = ingress.get(path, headers=headers | good)

    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["status"], problem["title"]) == (status, status, title)
    assert problem["type"] == "about:blank"
    assert isinstance(problem["detail"], str)
    assert UUID.fullmatch(problem["request_id"])
    assert answer.headers["x-request-id"] == problem["request_id"]


def test_401_and_403_say_what_is_wanted(ingress: httpx.Client, bearer: Bearer) -> None:
    """WWW-Authenticate names the scheme, and nothing of the request is echoed in it."""
    missing = ingress.get("/v1/listings", params={"x": "secret"})
    forbidden = ingress.get("/v1/listings", headers=bearer("listings.write"))

    assert missing.headers["www-authenticate"] == 'Bearer realm="bukken"'
    assert 'error="insufficient_scope"' in forbidden.headers["www-authenticate"]


def test_headers_of_the_sidecar_cannot_be_sent(
    ingress: httpx.Client, bearer: Bearer, seen: list[dict[str, Any]]
) -> None:
    """A client names neither itself nor its request, and gives Envoy no orders."""
    forged = {
        "x-client-id": "somebody-else",
        "x-request-id": "junk\tjunk",
        "x-envoy-upstream-rq-timeout-ms": "1",
        "x-envoy-original-path": "/other",
    }

    answer = ingress.get("/v1/listings", headers=bearer() | forged)

    headers = seen[0]["headers"]
    assert headers["x-client-id"] == "portal-a"
    assert UUID.fullmatch(headers["x-request-id"])
    assert headers["x-request-id"] == answer.headers["x-request-id"]
    assert not forged.keys() & headers.keys() - {"x-client-id", "x-request-id"}


def test_a_traceparent_goes_through(
    ingress: httpx.Client, bearer: Bearer, seen: list[dict[str, Any]]
) -> None:
    """The trace of a caller is continued, not begun anew."""
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    ingress.get("/v1/listings", headers=bearer() | {"traceparent": trace})

    assert seen[0]["headers"]["traceparent"] == trace
