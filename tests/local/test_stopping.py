"""How what runs is ended, in processes of their own: their signals are not ours."""

import subprocess
import sys
from signal import SIGHUP, SIGINT, SIGTERM, Signals

import pytest
from waiting import wait_until

PROGRAM = """
import asyncio, os, signal, sys
from bukken_local.stopping import Stopped, until_told

def say(text):
    print(text, flush=True)
    if text.startswith("stopping"):
        {meanwhile}

async def life():
    say("up")
    try:
        await asyncio.sleep(600)
    finally:
        {last}
        say("down")

try:
    asyncio.run(until_told(life(), say=say, end_at_once=lambda: say("killed")))
except Stopped as stopped:
    say(str(stopped))
    sys.exit(stopped.status)
"""
ORDERLY = "await asyncio.sleep(0.1)"
SAME_AGAIN = "os.kill(os.getpid(), signal.SIGINT)"
NEVER = "await asyncio.sleep(600)"


def begun(last: str, *, meanwhile: str = "pass") -> subprocess.Popen[str]:
    """A program that is up, and does so in the end; and so as soon as it is told to stop."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(last=last, meanwhile=meanwhile)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "up\n"
    return process


@pytest.mark.parametrize(("number", "status"), [(SIGINT, 130), (SIGTERM, 143), (SIGHUP, 129)])
def test_the_first_word_stops_in_order(number: Signals, status: int) -> None:
    """All that is to be done at the end is done; the status is as a shell has it."""
    process = begun(ORDERLY)
    process.send_signal(number)

    said, _ = process.communicate(timeout=30)
    expected = ["stopping (again to stop at once)", "down", f"stopped by {number.name}"]
    assert (said.splitlines(), process.returncode) == (expected, status)


def test_the_second_word_stops_at_once() -> None:
    """Whatever is still waited for; but not one that only comes twice, within half a second."""
    process = begun(NEVER)

    def told_and_ended() -> bool:
        process.send_signal(SIGTERM)
        return process.poll() is not None

    wait_until(told_and_ended, what="it ends")
    said, _ = process.communicate(timeout=30)
    assert said.splitlines() == ["stopping (again to stop at once)", "killed"]
    assert process.returncode == 143


def test_the_same_word_twice_is_one() -> None:
    """The terminal, make and uv pass on the same Ctrl-C: all the same it stops in order."""
    process = begun(ORDERLY, meanwhile=SAME_AGAIN)
    process.send_signal(SIGINT)

    said, _ = process.communicate(timeout=30)
    assert said.splitlines()[-2:] == ["down", "stopped by SIGINT"]
