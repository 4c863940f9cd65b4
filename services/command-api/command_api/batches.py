"""A batch: its lines are done a chunk at a time, and each has one result (architecture § 3).

Each chunk is a transaction of its own, so that a client that lost the answer, or was told that the
rest is not done, sends the same lines again and finds what was done unchanged.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from bukken_contract import exact_json, logs
from bukken_contract.own_writes import Write
from bukken_contract.problems import (
    DeadlineExceeded,
    LateSourceVersion,
    Problem,
    SourceVersionConflict,
    Unavailable,
)
from command_api.batch_handlers import Fate, put_listings
from command_api.batch_lines import Line, check_count, chunks_of
from command_api.commands import PutListing
from command_api.handlers import Outcome
from command_api.validation import LISTING_KEY
from command_api.work import Work

# Not begun with less: a chunk takes some 0.05 s, and 1 s on a database that is busy.
_SHORTEST_SECONDS: Final = 1.0

# Of each line's: 5,000 lines of nonsense would be answered with 40 MB.
_MOST_FAULTS: Final = 10

RESULTS: Final[dict[type[Problem], str]] = {
    LateSourceVersion: "late",
    SourceVersionConflict: "conflict",
    Unavailable: "not-done",
    Problem: "invalid",
}


class Places:
    """How many batches are held in memory at once."""

    def __init__(self, free: int) -> None:
        self._free = free

    @contextmanager
    def one(self) -> Iterator[None]:
        """A place, from before the body is read until it is answered.

        Raises:
            Unavailable: all are taken. Why not wait? Envoy lets as many wait as is good for it.
        """
        if not self._free:
            raise Unavailable("as many batches as can be held are at work; send it again")
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


async def results_of(body: bytearray, *, work: Work) -> tuple[bytes, Write | None]:
    """One result for each line of the batch, in its order, and the last line that is committed.

    Raises:
        BodyTooLarge, MalformedRequest: it has too many lines, or none.
        Unavailable: nothing is known to be done.
    """
    check_count(body)
    batch = _Batch(work)
    for chunk in chunks_of(body):
        await batch.do(chunk)
    return batch.answer(), batch.last


class _Batch:
    """The results so far, and why there are no more if so."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._ends = time.monotonic() + work.seconds
        self._results: list[bytes] = []
        self._committed = False
        self.last: Write | None = None
        self._over: Unavailable | None = None

    async def do(self, chunk: list[Line]) -> None:
        commands = [line.asked for line in chunk if isinstance(line.asked, PutListing)]
        fates = await self._fates(commands) if commands else {}
        self._results += [exact_json.encode(self._result(line, fates=fates)) for line in chunk]

    async def _fates(self, commands: list[PutListing]) -> dict[str, Fate]:
        left = self._ends - time.monotonic()
        if self._over is None and left < _SHORTEST_SECONDS:
            self._over = DeadlineExceeded("the time is over; send this line again")
        if self._over is not None:
            return {}
        try:
            fates = await self._work.do(put_listings, commands, seconds=left)
        except Unavailable as problem:
            self._over = problem
            return {}
        self._committed = True
        return dict(fates)

    def _result(self, line: Line, *, fates: dict[str, Fate]) -> dict[str, Any]:
        named = {"Line": line.number} | ({} if line.key is None else {LISTING_KEY: line.key})
        fate = self._fate(line.asked, fates=fates)
        if isinstance(fate, Problem):
            return named | {"Result": _word(fate), "Problem": _body(fate)}
        self.last = Write(str(line.key), fate.version)
        return named | {"Result": fate.result, "Version": fate.version}

    def _fate(self, asked: PutListing | Problem, *, fates: dict[str, Fate]) -> Outcome | Problem:
        if isinstance(asked, Problem):
            return asked
        return self._over or fates[asked.listing_key]

    def answer(self) -> bytes:
        if self._over is not None and not self._committed:
            raise self._over
        return b"\n".join((*self._results, b""))


def _word(problem: Problem) -> str:
    return next(word for kind, word in RESULTS.items() if isinstance(problem, kind))


def _body(problem: Problem) -> dict[str, object]:
    problem.faults = problem.faults[:_MOST_FAULTS]
    return problem.body(request_id=logs.REQUEST_ID.get())
