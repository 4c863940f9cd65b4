"""How the back end behaves: now, and by a schedule."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import msgspec

Deed = Literal[
    "serve",  # takes a lead and says so
    "refuse",  # refuses connections, and cuts those there are
    "answer-500",
    "answer-503",
    "answer-422",  # refuses the lead itself
    "maintain",  # 503, with a page for people and a Retry-After
    "page",  # the same page with 200, as old systems do it
    "hang",  # takes nothing, answers nothing
    "slow",  # takes two seconds
    "late",  # takes the lead at once, and answers nobody who is still there
]


class Phase(msgspec.Struct, frozen=True):
    """What it does, and for how many seconds; None: until it is told otherwise."""

    does: Deed
    seconds: float | None = None


class Behaviour:
    """A schedule of phases that is under way. After the last it serves."""

    def __init__(self, *, on_change: Callable[[Deed], Awaitable[None]]) -> None:
        self.now: Deed = "serve"
        self._on_change = on_change
        self._changed = asyncio.Condition()
        self._schedule: asyncio.Task[None] | None = None

    async def begin(self, phases: Sequence[Phase]) -> None:
        """The first phase begins before this returns; what was under way is forgotten."""
        if self._schedule is not None:
            self._schedule.cancel()
            await asyncio.wait([self._schedule])
        first, *rest = (*phases, Phase("serve"))
        await self._become(first.does)
        self._schedule = asyncio.create_task(self._follow(first, rest))

    async def until_not(self, deed: Deed) -> None:
        """Waits until it does something else."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.now != deed)

    async def _follow(self, phase: Phase, rest: Sequence[Phase]) -> None:
        for following in rest:
            if phase.seconds is None:
                return
            await asyncio.sleep(phase.seconds)
            await self._become(following.does)
            phase = following

    async def _become(self, deed: Deed) -> None:
        async with self._changed:
            self.now = deed
            self._changed.notify_all()
        await self._on_change(deed)
