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
    "no token and no such path": ("/nope", {}, False, 401, "Unauthorized"),
    "no bearer": ("/v1/listings", {"authorization": "Basic eDp5"}, False, 401, "Unauthorized"),
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
        "x-envoy-original-method": "PUT",
    }

    answer = ingress.get("/v1/listings", headers=bearer() | forged)

    headers = seen[0]["headers"]
    assert headers["x-client-id"] == "portal-a"
    assert UUID.fullmatch(headers["x-request-id"])
    assert headers["x-request-id"] == answer.headers["x-request-id"]
    assert not forged.keys() & headers.keys() - {"x-client-id", "x-request-id"}


@pytest.mark.parametrize(
    ("line", "name"),
    [("early_header_mutation_extensions 0 typed_config mutations 1", "x-envoy-original-method"),
     ("early_header_mutation_extensions 0 typed_config mutations 0", "x-client-id")],
)  # fmt: skip
def test_without_its_line_a_forged_header_arrives(
    line: str, name: str, new_pod: Callable[..., Any], without: Callable[..., Any], bearer: Bearer
) -> None:
    """The controls, in a place whose jwt.yaml puts no name into x-client-id."""
    careful = new_pod(jwt=without_a_name)
    careless = new_pod(without(line), jwt=without_a_name)

    for pod in (careful, careless):
        pod.ingress.get("/v1/listings", headers=bearer() | {name: "forged"})

    assert name not in careful.app.seen[0]["headers"]
    assert careless.app.seen[0]["headers"][name] == "forged"


def without_a_name(jwt: str) -> str:
    """The place file without the line that tells the app who asks."""
    lines = jwt.splitlines(keepends=True)
    return "".join(line for line in lines if "claim_to_headers" not in line)


def test_inside_an_edge_a_client_would_choose_the_id(
    new_pod: Callable[..., Any], without: Callable[..., Any], bearer: Bearer
) -> None:
    """The control: without use_remote_address a request's id is the one that was sent."""
    pod = new_pod(without("use_remote_address"))
    pod.ingress.get("/v1/listings", headers=bearer() | {"x-request-id": "mine"})

    assert pod.app.seen[0]["headers"]["x-request-id"] == "mine"


def test_a_traceparent_goes_through(
    ingress: httpx.Client, bearer: Bearer, seen: list[dict[str, Any]]
) -> None:
    """The trace of a caller is continued, not begun anew."""
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    ingress.get("/v1/listings", headers=bearer() | {"traceparent": trace})

    assert seen[0]["headers"]["traceparent"] == trace
