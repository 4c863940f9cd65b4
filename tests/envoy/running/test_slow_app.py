from collections.abc import Callable
from typing import Any

import httpx
import pytest

Bearer = Callable[..., dict[str, str]]
TIMEOUT = "route_config virtual_hosts app routes 3 route timeout"
WORDED = "local_reply_config mappers 8"


@pytest.fixture(scope="module")
def changed(having: Callable[..., Any]) -> Callable[[dict[str, Any]], None]:
    """Half a second is as long as the file's fifteen."""
    change: Callable[[dict[str, Any]], None] = having(TIMEOUT, "0.5s")
    return change


def test_an_app_that_does_not_answer_is_504(ingress: httpx.Client, bearer: Bearer) -> None:
    """The client is told so, in words that are not Envoy's."""
    answer = ingress.get("/v1/listings/held", headers=bearer())

    assert (answer.status_code, answer.json()["title"]) == (504, "Gateway Timeout")
    assert answer.json()["detail"] == "The service did not answer in time."


def test_without_its_mapper_they_would_be_envoys(
    new_pod: Callable[..., Any], without: Callable[..., Any], changed: Any,  # noqa: ANN401 — a change
    bearer: Bearer,
) -> None:  # fmt: skip
    """The control: clients learn what is behind."""

    def change(document: dict[str, Any]) -> None:
        changed(document)
        without(WORDED)(document)

    answer = new_pod(change).ingress.get("/v1/listings/held", headers=bearer())

    assert "upstream" in answer.json()["detail"]
