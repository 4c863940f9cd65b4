from typing import TYPE_CHECKING

import pytest
from running_command_api import Members, Service

if TYPE_CHECKING:
    from collections.abc import Callable

    CheckProblem = Callable[..., Members]


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "BREW"]
)
def test_a_method_nobody_serves_here(service: Service, method: str) -> None:
    """405 with the Allow of both sides, whoever is asked."""
    answer = service.send(method, "/v1/listings/a")

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, PUT, PATCH, DELETE"
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_the_list_takes_no_command(service: Service, check_problem: "CheckProblem") -> None:
    """A path that only the other side serves is there all the same: 405 and its methods."""
    answer = service.send("PUT", "/v1/listings")

    check_problem(answer, status=405, code="method-not-allowed")
    assert answer.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "path",
    """
    / /v1 /v1/listings/ /v1/listings/a/ /v1/listings/a/b /v1/listings//a /v2/listings/a
    /v1/Listings/a /%FF /openapi.json /docs /redoc
    """.split(),  # noqa: SIM905 — a list of them is a line each
)
@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_there_is_no_such_path(
    service: Service, check_problem: "CheckProblem", method: str, path: str
) -> None:
    """Any other path is 404, and never a redirect."""
    check_problem(service.send(method, path), status=404, code="not-found")


def test_a_write_with_a_query_string_is_refused(
    service: Service, key: str, members: Members, check_problem: "CheckProblem"
) -> None:
    """A key with an unescaped ? would be cut short, and another listing written."""
    answer = service.send("PUT", f"/v1/listings/{key}?b", json=members)

    assert "%3F" in check_problem(answer, status=400)["detail"]
    assert service.row(key) is None
