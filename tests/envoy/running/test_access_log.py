# ruff: noqa: PLR0913, PLR0917 — a fixture is asked for by being an argument

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from bukken_contract.own_writes import HEADER

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


def test_a_slow_answer_is_logged(
    ingress: httpx.Client, bearer: Bearer, access_log: Log, until: Until, admin: httpx.Client,
    sample: Callable[[int], object], app_released: threading.Event,
) -> None:  # fmt: skip
    """Also when no good answer is; here what took a tenth of a second, in the file a whole one."""
    sample(0)
    admin.post("/runtime_modify?access_log.min_ms=100")
    quick = ingress.get("/v1/listings/quick", headers=bearer()).headers["x-request-id"]
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(ingress.get, "/v1/listings/held", headers=bearer())
        threading.Timer(0.2, app_released.set).start()
        slow = held.result(10).headers["x-request-id"]

    until(lambda: named(slow, access_log()), what="it is logged")
    admin.post("/runtime_modify?access_log.min_ms=")
    assert not named(quick, access_log())


def test_secrets_are_not_logged(
    ingress: httpx.Client, bearer: Bearer, access_log: Log, until: Until,
    sample: Callable[[int], object],
) -> None:  # fmt: skip
    """No line holds a query string or a token; each says who, what, when and how it went."""
    sample(100)
    headers = bearer() | {HEADER: "sumida"}
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


FORGED = {"x-request-id": "mine", "x-client-id": "somebody", "x-forwarded-for": "203.0.113.9"}
REFUSED_EARLY = "/v1/listings/a%2Fb"  # before a header was looked at


@pytest.mark.parametrize("path", ["/v1/listings", REFUSED_EARLY])
def test_nobody_says_himself_who_he_is(
    path: str, ingress: httpx.Client, access_log: Log, until: Until
) -> None:
    """A line of who has no token names no client, whatever its headers say."""
    refused = ingress.get(path, headers=FORGED).json()["request_id"]

    until(lambda: named(refused, access_log()), what="it is logged")
    assert named(refused, access_log())["client_id"] is None


def test_the_client_is_named_by_its_token(
    ingress: httpx.Client, bearer: Bearer, access_log: Log, until: Until
) -> None:
    """A line says who asked, also when the answer was no."""
    forbidden = ingress.get("/v1/listings", headers=bearer("none", client_id="portal-q"))
    asked = forbidden.headers["x-request-id"]

    until(lambda: named(asked, access_log()), what="it is logged")
    assert named(asked, access_log())["client_id"] == "portal-q"


def test_by_its_header_a_client_would_be_whoever_it_says(
    new_pod: Callable[..., Any], having: Callable[..., Any], until: Until
) -> None:
    """The control: what is refused early is logged under the name that the client sent."""
    field = "access_log 0 typed_config log_format json_format client_id"
    pod = new_pod(having(field, "%REQUEST_HEADER(X-CLIENT-ID)%"))
    refused = pod.ingress.get(REFUSED_EARLY, headers=FORGED).json()["request_id"]

    until(lambda: named(refused, pod.log), what="it is logged")
    assert named(refused, pod.log)["client_id"] == "somebody"


THROUGH_THE_ALB = "203.0.113.9, 192.0.2.7"  # what the client wrote, and what the ALB added


def address_logged_by(ingress: httpx.Client, *, log: Log, until: Until) -> str:
    """Whose address stands in the line of a request."""
    answer = ingress.get("/v1/listings", headers={"x-forwarded-for": THROUGH_THE_ALB})
    asked = answer.headers["x-request-id"]
    until(lambda: named(asked, log()), what="it is logged")
    return str(named(asked, log())["client_address"])


def test_a_forged_address_is_not_believed(
    ingress: httpx.Client, access_log: Log, until: Until
) -> None:
    """A line has the address that the ALB saw, not one that stands before it."""
    assert address_logged_by(ingress, log=access_log, until=until) == "192.0.2.7"


@pytest.mark.parametrize(
    ("line", "logged"), [("use_remote_address", "203.0.113.9"), ("xff_num_trusted_hops", "127.")]
)
def test_without_either_line_it_would_be_another(
    line: str, logged: str, new_pod: Callable[..., Any], without: Callable[..., Any], until: Until
) -> None:
    """The controls: the one that the client wrote, or the ALB's own."""
    pod = new_pod(without(line))

    found = address_logged_by(pod.ingress, log=lambda: pod.log, until=until)

    assert found.startswith(logged)


@pytest.mark.parametrize("headers", [{}, FORGED], ids=["plain", "forged"])
def test_an_early_refusal_can_be_found_by_its_id(
    headers: dict[str, str], ingress: httpx.Client, access_log: Log, until: Until
) -> None:
    """What is refused before Envoy gave it an id is logged under the id in the answer."""
    answer = ingress.get(REFUSED_EARLY, headers=headers)
    refused = answer.json()["request_id"]

    until(lambda: named(refused, access_log()), what="it is logged")
    assert answer.headers.get_list("x-request-id") == [refused]


def test_with_envoys_own_switch_a_client_chooses_it(
    new_pod: Callable[..., Any], without: Callable[..., Any], having: Callable[..., Any]
) -> None:
    """The control: the header says what the client sent, and the body something else."""

    def usual(document: dict[str, Any]) -> None:
        without("http_filters request_id")(document)
        having("always_set_request_id_in_response", True)(document)

    answer = new_pod(usual).ingress.get(REFUSED_EARLY, headers=FORGED)

    assert (answer.headers["x-request-id"], answer.json()["request_id"] == "mine") == (
        "mine",
        False,
    )


def named(request_id: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """The line of a request; none yet is an empty one."""
    return next((line for line in lines if line["request_id"] == request_id), {})
