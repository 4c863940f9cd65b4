"""Waiting for a condition, with a deadline."""

from __future__ import annotations

import asyncio
from inspect import isawaitable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

POLL_SECONDS = 0.02


async def until(
    condition: Callable[[], bool | Awaitable[bool]], *, seconds: float, what: str
) -> None:
    """Wait until the condition is true, or raise a TimeoutError that says what did not happen.

    `what` is a sentence in the present tense: "the primary accepts connections".
    """
    deadline = asyncio.timeout(seconds)
    try:
        async with deadline:
            while not await _answer(condition()):  # noqa: ASYNC110 — most conditions set no Event
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError as error:
        if not deadline.expired():
            raise
        raise TimeoutError(f"not within {seconds:g} s: {what}") from error


async def _answer(value: bool | Awaitable[bool]) -> bool:  # noqa: FBT001 — an answer, no option
    return await value if isawaitable(value) else bool(value)
