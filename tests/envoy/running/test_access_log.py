from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

Bearer = Callable[..., dict[str, str]]
Log = Callable[[], list[dict[str, Any]]]
Until = Callable[..., None]


@pytest.fixture
def sample(admin: httpx.Client) -> Iterator[Callable[[int], object]]:
    """Sets the share of good answers that is logged, as an operator does, and takes it back."""
    yield lambda percent: admin.post(f"/runtime_modify?access_log.success_sample={percent}")
    admin.post("/runtime_modify?access_log.success_sample=")


def test_good_answers_are_left_out(
    ingress: httpx.Client, bearer: Bearer, access_log: Log, until: Until,
    sample: Callable[[int], object],
) -> None:  # fmt: skip
    """With the sample turned off, a refusal is logged and the good answers before it are not."""
    sample(0)
    for _ in range(20):
        ingress.get("/v1/listings/good", headers=bearer())
    refused = ingress.get("/v1/listings/after").headers["x-request-id"]

    until(lambda: refused in {line["request_id"] for line in access_log()}, what="it is logged")
    assert "/v1/listings/good" not in {line["path"] for line in access_log()}


def test_everything_is_logged_when_asked_live(
    ingress: httpx.Client, bearer: Bearer, access_log: Log, until: Until,
    sample: Callable[[int], object],
) -> None:  # fmt: skip
    """An operator turns full logging on without a restart."""
    sample(100)
    asked = ingress.get("/v1/listings/all", headers=bearer()).headers["x-request-id"]

    until(lambda: asked in {line["request_id"] for line in access_log()}, what="it is logged")


def test_secrets_are_not_logged(
    ingress: httpx.Client, bearer: Bearer, access_log: Log, until: Until,
    sample: Callable[[int], object],
) -> None:  # fmt: skip
    """No line holds a query string or a token; each says who, what, when and how it went."""
    sample(100)
    headers = bearer()
    ingress.get("/v1/listings?q=sumida", headers=headers)
    last = ingress.get("/v1/listings?access_token=sumida").headers["x-request-id"]

    until(lambda: last in {line["request_id"] for line in access_log()}, what="it is logged")
    assert "sumida" not in repr(access_log())
    assert headers["authorization"].split()[1][:40] not in repr(access_log())
    assert {"time", "method", "path", "status", "duration_ms", "client_id"} <= set(access_log()[-1])


def test_health_checks_are_not_logged(
    ingress: httpx.Client, access_log: Log, until: Until, sample: Callable[[int], object]
) -> None:
    """The ALB asks every five seconds, from each of its zones, for ever."""
    sample(100)
    ingress.get("/healthz/lb")
    last = ingress.get("/v1/listings").headers["x-request-id"]

    until(lambda: last in {line["request_id"] for line in access_log()}, what="it is logged")
    assert "/healthz/lb" not in {line["path"] for line in access_log()}


def test_an_early_refusal_can_be_found_by_its_id(
    ingress: httpx.Client, bearer: Bearer, access_log: Log, until: Until
) -> None:
    """What is refused before Envoy gave it an id is logged under the id in the answer."""
    refused = ingress.get("/v1/listings/a%2Fb", headers=bearer()).json()["request_id"]

    until(lambda: refused in {line["request_id"] for line in access_log()}, what="it is logged")
