import asyncio
import os
import pty
from collections.abc import Callable

from bukken_local.processes.waiting import until
from bukken_local.terminal import hang_up_noticed


def told_of(deed: Callable[[int], object]) -> list[str]:
    """What is told of a deed of the person at the terminal, and of hanging up after it."""
    told: list[str] = []

    async def watch() -> None:
        person, program = pty.openpty()
        with hang_up_noticed(program, tell=lambda: told.append("hung up")):
            deed(person)
            for _ in range(3):
                await asyncio.sleep(0)
            told.append("so far")
            os.close(person)
            await until(lambda: "hung up" in told, seconds=5, what="the hang-up is told")
        os.close(program)

    asyncio.run(watch())
    return told


def test_a_closed_terminal_is_noticed_once() -> None:
    """A program in a window whose session leader does not pass it on ends with the window."""
    assert told_of(lambda _: None) == ["so far", "hung up"]


def test_what_is_typed_is_no_hang_up() -> None:
    """Keys pressed at the terminal are neither told nor taken from who reads next."""
    assert told_of(lambda person: os.write(person, b"hello\n")) == ["so far", "hung up"]
