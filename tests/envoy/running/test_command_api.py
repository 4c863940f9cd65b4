from collections.abc import Callable
from typing import Any

import httpx
import pytest
from inquiring import PATH, TRACES, inquiry_about, request_of

Bearer = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def sidecar_file() -> str:
    """The command side."""
    return "command-api"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *((method, "/v1/listings/k") for method in ("PUT", "PATCH", "DELETE")),
        ("POST", "/v1/batches/listings"),
    ],
)
def test_writing_takes_the_write_scope(
    method: str, path: str, ingress: httpx.Client, bearer: Bearer, seen: list[dict[str, Any]]
) -> None:
    """Writes pass with listings.write, and with nothing less."""
    forbidden = ingress.request(method, path, headers=bearer("listings.read"))
    refused = ingress.request(method, path)
    allowed = ingress.request(method, path, headers=bearer("listings.write"))

    assert (forbidden.status_code, refused.status_code, allowed.status_code) == (403, 401, 200)
    assert len(seen) == 1


@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("DELETE", "/k")])
def test_an_inquiry_takes_a_scope_of_its_own(
    method: str, path: str, ingress: httpx.Client, bearer: Bearer, seen: list[dict[str, Any]]
) -> None:
    """Who may write listings may not post inquiries, and nobody may for reading or delivering."""
    others = bearer("listings.write", "listings.read", "inquiries.deliver")
    forbidden = ingress.request(method, f"/v1/inquiries{path}", headers=others)
    allowed = ingress.request(method, f"/v1/inquiries{path}", headers=bearer("inquiries.write"))
    listing = ingress.put("/v1/listings/k", headers=bearer("inquiries.write"))

    assert (forbidden.status_code, allowed.status_code, listing.status_code) == (403, 200, 403)
    assert [request["headers"]["x-client-id"] for request in seen] == ["portal-a"]


def test_an_id_token_writes_nothing(
    ingress: httpx.Client, bearer: Bearer, seen: list[dict[str, Any]]
) -> None:
    """The scope alone does not do: the token must be an access token."""
    headers = bearer("listings.write", token_use="id")

    answer = ingress.put("/v1/listings/k", headers=headers)

    assert (answer.status_code, seen) == (403, [])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/v1/listings"),
        ("POST", "/v1/listings"),
        ("GET", "/v1/listings/k"),
        ("PUT", "/v1/batches/listings"),
        ("GET", "/v1/inquiries"),
        ("PUT", "/v1/inquiries/k"),
    ],
)
def test_a_method_it_does_not_serve_reaches_the_app(
    method: str, path: str, ingress: httpx.Client, bearer: Bearer, seen: list[dict[str, Any]]
) -> None:
    """Any access token gets as far as the app's 405 with Allow."""
    answer = ingress.request(method, path, headers=bearer("listings.read"))

    assert (answer.status_code, len(seen)) == (200, 1)


@pytest.mark.parametrize("path", ["/v1/listings/a/b", "/healthz/ready", "/v1/listings/"])
def test_an_unknown_path_reaches_nobody(
    path: str, ingress: httpx.Client, bearer: Bearer, seen: list[dict[str, Any]]
) -> None:
    """What is not in the table is 404, for writes too."""
    answer = ingress.put(path, headers=bearer("listings.write"))

    assert (answer.status_code, seen) == (404, [])


def test_an_id_token_does_not_even_reach_a_405(
    ingress: httpx.Client, new_pod: Callable[..., Any], having: Callable[..., Any], bearer: Bearer,
    seen: list[dict[str, Any]],
) -> None:  # fmt: skip
    """What no scope is needed for takes an access token all the same; by the control, any token."""
    others = "http_filters envoy.filters.http.rbac typed_config rules policies anything-else"
    control = new_pod(having(f"{others} principals", [{"any": True}]))
    headers = bearer("listings.write", token_use="id")

    refused, passed = (
        client.post("/v1/listings", headers=headers) for client in (ingress, control.ingress)
    )

    assert (refused.status_code, passed.status_code, seen) == (403, 200, [])


def test_of_an_inquiry_no_word_is_logged(
    ingress: httpx.Client, admin: httpx.Client, bearer: Bearer,
    access_log: Callable[[], list[dict[str, Any]]], until: Callable[..., None],
) -> None:  # fmt: skip
    """Neither of its body nor of its headers, accepted or refused, with everything logged."""
    admin.post("/runtime_modify?access_log.success_sample=100")
    inquiry = request_of(inquiry_about("a"), idempotency_key="himitsu-taro-0001")
    tokens: list[dict[str, str]] = [bearer("inquiries.write"), bearer("listings.read"), {}]
    answers = [
        ingress.post(PATH, content=inquiry["content"], headers=inquiry["headers"] | token)
        for token in tokens
    ]
    ids = {answer.headers["x-request-id"] for answer in answers}

    until(lambda: ids <= {line["request_id"] for line in access_log()}, what="all are logged")
    assert [answer.status_code for answer in answers] == [200, 403, 401]
    assert [trace for trace in (*TRACES, "himitsu-taro") if trace in repr(access_log())] == []
