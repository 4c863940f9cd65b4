"""The demo says ✓ of what is as told, and ✗ of everything else."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from bukken_contract.own_writes import HEADER
from bukken_local.demo.story import BACK_END, STORY, Step
from bukken_local.demo.teller import Teller

Serve = Callable[[ASGIApp], str]
IMPATIENT = tuple(replace(step, within_seconds=min(step.within_seconds, 0.05)) for step in STORY)


def exchange(answers: Iterator[Response], *, seen: list[Request]) -> Starlette:
    """An exchange that gives these answers, whatever it is asked."""

    async def answer(request: Request) -> Response:
        seen.append(request)
        return next(answers)

    methods = ["GET", "PUT", "PATCH", "DELETE"]
    return Starlette(routes=[Route("/v1/listings/{key}", answer, methods=methods)])


def right(step: Step) -> Response:
    """The answer the step tells of."""
    if step.status == 204:
        return Response(status_code=204)
    headers = {"ETag": '"1-1"'} if step.status == 201 else {}
    return JSONResponse(dict(step.holds), status_code=step.status, headers=headers)


def told(url: str, *, steps: tuple[Step, ...]) -> tuple[bool, list[str]]:
    """Whether the teller finds all as told, and what it says."""
    said: list[str] = []

    async def tell() -> bool:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            clients = dict.fromkeys({step.client for step in steps}, client)
            return await Teller(clients=clients, say=said.append).tell(steps)

    return asyncio.run(tell()), said


def test_story_as_told_is_good(serve: Serve) -> None:
    """When every answer is the one told of, each step has its ✓."""
    seen: list[Request] = []
    good, said = told(serve(exchange(map(right, STORY), seen=seen)), steps=STORY)

    assert good
    assert sum(line.startswith("\n✓") for line in said) == len(STORY)


@pytest.mark.parametrize("number", range(len(STORY)), ids=lambda n: STORY[n].title)
def test_step_not_as_told_spoils_the_story(serve: Serve, number: int) -> None:
    """Any one step answered otherwise, by a status alone, has its ✗ and makes the demo fail."""

    def answers() -> Iterator[Response]:
        yield from map(right, STORY[:number])
        while True:
            yield JSONResponse({}, status_code=418)

    good, said = told(serve(exchange(answers(), seen=[])), steps=IMPATIENT[: number + 1])
    assert not good
    assert f"\n✗ {STORY[number].title}" in said


def test_stale_answer_is_asked_again(serve: Serve) -> None:
    """A standby that has not replayed yet is asked until it has."""
    step = STORY[1]
    stale = (Response(status_code=404) for _ in range(3))
    seen: list[Request] = []

    def answers() -> Iterator[Response]:
        yield from stale
        yield right(step)

    good, said = told(serve(exchange(answers(), seen=seen)), steps=(step,))
    assert good
    assert said[-1].endswith("ms, at the 4th time of asking")


def test_wrong_member_is_seen(serve: Serve) -> None:
    """A right status with another content is not as told."""
    answers = iter([JSONResponse({"type": "about:blank"}, status_code=409)])
    [late] = [step for step in STORY if step.status == 409]

    assert not told(serve(exchange(answers, seen=[])), steps=(late,))[0]


def test_what_was_written_is_read_with_its_token(serve: Serve) -> None:
    """The token of the answer before is sent back, whoever asks: it stands for no client."""
    seen: list[Request] = []

    def answers() -> Iterator[Response]:
        for number, step in enumerate(STORY):
            answer = right(step)
            if step.client == BACK_END and step.status < 400:
                answer.headers[HEADER] = f"token-of-{number}"
            yield answer

    told(serve(exchange(answers(), seen=seen)), steps=STORY)

    sent = [request.headers[HEADER] for request in seen if HEADER in request.headers]
    assert sent == ["token-of-2"]


def test_both_patches_name_the_version_created(serve: Serve) -> None:
    """The lost update is one because it names the version the first patch has replaced."""
    seen: list[Request] = []
    told(serve(exchange(map(right, STORY), seen=seen)), steps=STORY)

    patches = [request for request in seen if request.method == "PATCH"]
    assert [request.headers["if-match"] for request in patches] == ['"1-1"', '"1-1"']
