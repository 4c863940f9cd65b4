"""Only a run on a machine that went on all the while shows anything."""

import asyncio
from collections.abc import Sequence

import pytest

from drills.answers import Answer
from drills.measures import Run
from drills.run import STANDSTILL_SECONDS, TIMES, MachineStoodStill, undisturbed


def run_that_was(late: float, *, status: str = "200") -> Run:
    """One request, sent so late."""
    answer = Answer(due=1, took=late, kind="reads", patient=False, status=status, attempts=1,
                    key="", receipt="", late=late)  # fmt: skip
    return Run(answers=[answer], began=0, ended=2, fault_began=0, fault_ended=1)


def shown(runs: Sequence[Run], *, said: list[str]) -> Run:
    """What is taken of runs that follow each other."""
    following = iter(runs)

    async def play_once() -> Run:
        return next(following)

    return asyncio.run(undisturbed(play_once, say=said.append))


def test_a_run_while_the_machine_stood_still_is_played_again() -> None:
    """The first that was not disturbed is the one that counts, and it is said why."""
    runs, said = [run_that_was(3), run_that_was(STANDSTILL_SECONDS)], list[str]()

    assert shown(runs, said=said) is runs[1]
    assert "stood still for 3.0 s" in "".join(said)


def test_a_failure_is_no_reason_to_play_again() -> None:
    """A run whose requests were sent in time counts, however they were answered."""
    failed = run_that_was(0, status="503")

    assert shown([failed, run_that_was(0)], said=[]) is failed


def test_a_machine_that_stands_still_each_time_shows_nothing() -> None:
    """Nothing is taken for a result then, and nobody waits for ever."""
    with pytest.raises(MachineStoodStill, match=r"last for 7\.0 s: play it when less else is done"):
        shown([run_that_was(seconds) for seconds in range(7 - TIMES + 1, 8)], said=[])
