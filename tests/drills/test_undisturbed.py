"""Only a run on a machine that went on all the while shows anything."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from waiting import wait_until

from drills.answers import Answer
from drills.measures import Run
from drills.run import STANDSTILL_SECONDS, TIMES, MachineStoodStill, undisturbed


def run_on(machine: float, *, status: str = "200") -> Run:
    """One request, while the machine stood still for so many seconds."""
    answer = Answer(due=1, took=1, kind="reads", patient=False, status=status, attempts=1,
                    key="", receipt="")  # fmt: skip
    return Run(answers=[answer], began=0, ended=2, fault_began=0, fault_ended=1, standstill=machine)


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether the process has a handler for the signal (proc(5))."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (caught,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught, 16) >> (number - 1) & 1)


def shown(runs: Sequence[Run], *, said: list[str]) -> Run:
    """What is taken of runs that follow each other."""
    following = iter(runs)

    async def play_once() -> Run:
        return next(following)

    return asyncio.run(undisturbed(play_once, say=said.append))


def test_a_run_while_the_machine_stood_still_is_played_again() -> None:
    """The first that was not disturbed is the one that counts, and it is said why."""
    runs, said = [run_on(3), run_on(STANDSTILL_SECONDS)], list[str]()

    assert shown(runs, said=said) is runs[1]
    assert "stood still for 3.0 s" in "".join(said)


def test_a_failure_is_no_reason_to_play_again() -> None:
    """A run whose requests were sent in time counts, however they were answered."""
    failed = run_on(0, status="503")

    assert shown([failed, run_on(0)], said=[]) is failed


def test_a_machine_that_stands_still_each_time_shows_nothing() -> None:
    """Nothing is taken for a result then, and nobody waits for ever."""
    with pytest.raises(MachineStoodStill, match=r"last for 7\.0 s: play it when less else is done"):
        shown([run_on(seconds) for seconds in range(7 - TIMES + 1, 8)], said=[])


def test_a_standstill_is_seen_by_who_only_sleeps(tmp_path: Path) -> None:
    """As long as it was, and not before: a platform that hangs keeps nobody from waking."""
    file = tmp_path / "pulse"
    process = subprocess.Popen(
        [sys.executable, "-m", "drills.pulse", str(file)], cwd=Path(__file__).parents[2]
    )
    wait_until(lambda: catches(process.pid, signal.SIGTERM), what="it watches")
    process.send_signal(signal.SIGSTOP)
    time.sleep(1)  # how long the machine stands still: of all there is on it, the watch
    process.send_signal(signal.SIGCONT)
    process.send_signal(signal.SIGTERM)

    assert process.wait(20) == 0
    assert float(file.read_text()) > 0.9
