"""Ends what runs when somebody says so: by a signal, or by closing the terminal."""

import asyncio
import os
import signal
import warnings
from collections.abc import Awaitable, Callable
from functools import partial
from pty import STDIN_FILENO
from typing import TypeVar

from bukken_local.terminal import hang_up_noticed

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SAME_SECONDS = 0.5  # the terminal, make and uv may each pass on the same Ctrl-C

T = TypeVar("T")


class Stopped(Exception):
    """It was ended before its end, in order, and nothing of it runs."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(f"stopped by {number.name}")
        self.status = status_of(number)


def status_of(number: signal.Signals) -> int:
    """What a shell calls the end by a signal."""
    return 128 + number


async def until_told(
    life: Awaitable[T], *, say: Callable[[str], None], end_at_once: Callable[[], None]
) -> T:
    """Lives to the end, or a signal: the first stops in order; the second, in a hurry, at once.

    Args:
        life: is cancelled by the first.
        say: tells the person at the terminal.
        end_at_once: is what the second does, before this process ends.

    Raises:
        Stopped: it was told to.
    """
    living = asyncio.ensure_future(life)
    loop = asyncio.get_running_loop()
    told: list[tuple[float, signal.Signals]] = []

    def stop(number: signal.Signals) -> None:
        told.append((loop.time(), number))
        if len(told) == 1:
            # anyio's, of a probe's connection that is broken off before it began; ours are told.
            warnings.filterwarnings("ignore", r"coroutine 'connect_tcp\.", RuntimeWarning)
            say("stopping (again to stop at once)")
            living.cancel()
        elif told[-1][0] - told[0][0] > SAME_SECONDS:
            end_at_once()
            os._exit(status_of(number))

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop, number)
    with hang_up_noticed(STDIN_FILENO, tell=partial(stop, signal.SIGHUP)):
        await asyncio.wait({living})
    if told and living.cancelled():
        raise Stopped(told[0][1])
    return living.result()
