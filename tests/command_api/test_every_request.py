import json
import logging
from collections.abc import AsyncIterator, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

import pytest
from running_command_api import Members, Service, path_of

if TYPE_CHECKING:
    CheckProblem = Callable[..., Members]

PERSON = "山田太郎 090-1234-5678"


async def _fail(*_: object) -> Any:  # noqa: ANN401 — it returns nothing
    raise ValueError(PERSON)


@pytest.fixture
def broken_service(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """A command-api with a fault of our own in it."""
    monkeypatch.setattr(service.app.state.work, "do", _fail)
    return service


def test_the_unexpected_is_a_problem_and_a_line_in_the_log(
    broken_service: Service, check_problem: "CheckProblem", caplog: pytest.LogCaptureFixture
) -> None:
    """500 says nothing but the request's id; the log has class and stack, and not the text."""
    answer = broken_service.delete("a", X_Request_ID="request-1")

    problem = check_problem(answer, status=500, code="internal-error")
    (line,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert problem["request_id"] == "request-1"
    assert "ValueError" in line.getMessage()
    assert "test_every_request.py" in line.getMessage()
    assert "山田" not in caplog.text + answer.text


@pytest.mark.parametrize("path", ["/healthz/live", "/healthz/ready", "/nowhere", "/v1/listings/a"])
def test_every_answer_carries_the_requests_id(service: Service, path: str) -> None:
    """The id Envoy gave comes back on each answer, good or bad."""
    answer = service.send("GET", path, headers={"X-Request-ID": "b6b1-7"})

    assert answer.headers["X-Request-ID"] == "b6b1-7"


@pytest.mark.parametrize("given", [None, "", "a b", "x" * 101, "a\tb"])
def test_without_a_good_id_one_is_made(service: Service, given: str | None) -> None:
    """An id of another form is not repeated; the answer has one all the same."""
    headers = {} if given is None else {"X-Request-ID": given}

    made = service.send("GET", "/healthz/live", headers=headers).headers["X-Request-ID"]

    assert len(made) == 36
    assert made != given


def _put(key: str) -> dict[str, Any]:
    """A PUT as the server gives it to the app."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "PUT",
        "scheme": "http",
        "path": path_of(key),
        "raw_path": path_of(key).encode(),
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }


def test_a_client_that_goes_away_is_no_fault_of_ours(
    service: Service, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A body that breaks off changes nothing and is no error in the log."""

    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        raise AssertionError(f"nobody is there to take {message}")

    service.run(service.app(_put(key), receive, send))

    assert service.row(key) is None
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_an_answer_that_broke_off_is_not_begun_again(service: Service, key: str) -> None:
    """What fails after the first byte can no longer be told to the client, only to the log."""
    begun: list[object] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"no JSON", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.body":
            raise BrokenPipeError
        begun.append(message["status"])

    service.run(service.app(_put(key), receive, send))

    assert begun == [400]


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 7):
        yield body[start : start + 7]


def test_a_body_in_pieces_is_read_in_full(service: Service, key: str, members: Members) -> None:
    """A trickled upload is read to its end before it is answered."""
    headers = {"Content-Type": "application/json"}
    body = json.dumps(members, ensure_ascii=False).encode()

    answer = service.send("PUT", path_of(key), content=_pieces(body), headers=headers)

    row = service.row(key)
    assert row
    assert (answer.status_code, row["public_remarks"]) == (201, members["PublicRemarks"])
