"""A batch has one request's time, and its chunks share it."""

import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from running_command_api import Members, Service

from bukken_contract.problems import DeadlineExceeded
from bukken_database.sessions import WriteSession
from command_api import batches
from command_api.work import Work

Command = TypeVar("Command")
Result = TypeVar("Result")


class Timed(Work):
    """Does what is asked, and remembers which time it was given."""

    def __init__(self, work: Work, *, seconds: float) -> None:
        self._work = work
        self.seconds = seconds
        self.given: list[float | None] = []

    async def do(
        self,
        handler: Callable[[WriteSession, Command], Awaitable[Result]],
        command: Command,
        *,
        seconds: float | None = None,
    ) -> Result:
        """The same as the work it stands before."""
        self.given.append(seconds)
        return await self._work.do(handler, command, seconds=seconds)


def body_of(key: str, members: Members) -> bytearray:
    """Three lines of one listing: each is a chunk."""
    line = json.dumps(members | {"ListingKey": key})
    return bytearray("\n".join([line] * 3).encode())


def test_each_chunk_is_given_what_the_others_left(
    service: Service, key: str, members: Members
) -> None:
    """Three chunks, and the request's time but once."""
    work = Timed(service.app.state.work, seconds=5)

    service.run(batches.results_of(body_of(key, members), work=work))

    first, second, third = (seconds or 0 for seconds in work.given)
    assert 5 > first > second > third > 0


def test_a_chunk_that_would_not_be_ready_is_not_begun(
    service: Service, key: str, members: Members
) -> None:
    """It would be locked, written and given up, and the rest of the time with it."""
    work = Timed(service.app.state.work, seconds=0.9)

    with pytest.raises(DeadlineExceeded):
        service.run(batches.results_of(body_of(key, members), work=work))
    assert work.given == []
