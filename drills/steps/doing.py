"""What a step is: one line of a drill's file, `{do: kill, …}`."""

import asyncio
from typing import Literal

import msgspec

from drills.lines import Line
from drills.stage import Stage

Deployment = Literal["command-api", "query-api", "inquiry-relay"]


class Doing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do"):
    """One step. Raises TimeoutError where it does not come to its end."""

    @property
    def changes(self) -> tuple[Line, ...]:
        """The lines that it changes itself, beside those of the run."""
        return ()

    async def __call__(self, stage: Stage) -> None:
        """Does it, and waits until it is done."""
        raise NotImplementedError


class Wait(Doing, frozen=True, tag="wait"):
    """Lets time pass; real seconds, whatever the scale."""

    seconds: float

    async def __call__(self, stage: Stage) -> None:  # noqa: ARG002 — as every step
        """Waits."""
        await asyncio.sleep(self.seconds)
