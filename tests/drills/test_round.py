"""A round of `make drills`, its drills stood in for: they take a minute each."""

from collections.abc import Callable
from pathlib import Path

import pytest

from drills import __main__ as command
from drills.drill import Drill, all_drills
from drills.record import Record
from drills.run import MachineStoodStill

NAMES = [name for name, _ in all_drills()]


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The names of the drills that were played, in their order; the last of all is broken off."""
    names: list[str] = []

    async def perform(name: str, drill: Drill, *, say: Callable[[str], None]) -> Record:
        say("…")
        names.append(name)
        if name == NAMES[-1] and names.count(name) == 1:
            raise KeyboardInterrupt
        return Record.of(name, drill, runs=[], seconds=60)

    monkeypatch.setattr(command, "perform", perform)
    monkeypatch.setattr(command, "ROUND", tmp_path / "round.json")
    monkeypatch.setattr(Record, "keep", lambda _: None)
    monkeypatch.setattr("drills.pages.write", lambda **_: None)
    return names


def test_what_a_machine_that_stood_still_showed_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The drill is named as one that did not show what it should, and the others are played."""

    async def perform(*_: object, **__: object) -> Record:
        raise MachineStoodStill("the machine stood still for 3.0 s")

    monkeypatch.setattr(command, "perform", perform)
    monkeypatch.setattr(Record, "keep", lambda _: pytest.fail("kept"))

    assert command.main(["--only", NAMES[0], "--only", NAMES[1]]) == 1
    said = capsys.readouterr().out
    assert said.count("stood still") == 2
    assert f"not as they should be: {NAMES[0]}, {NAMES[1]}" in said


def test_a_round_that_was_broken_off_goes_on(
    played: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """What it has done is not played again; and when it has ended, the next one begins anew."""
    assert command.main([]) == 130
    assert command.main([]) == 0
    assert played == [*NAMES, NAMES[-1]]
    assert f"has done {len(NAMES) - 1} of {len(NAMES)}" in capsys.readouterr().out

    command.main([])
    assert played == [*NAMES, NAMES[-1], *NAMES]


def test_a_new_round_on_request(played: list[str]) -> None:
    """`--afresh` forgets what was done."""
    assert command.main([]) == 130
    command.main(["--afresh"])

    assert played == [*NAMES, *NAMES]


def test_one_drill_by_its_name_or_a_group(played: list[str]) -> None:
    """It is no part of a round."""
    command.main(["--only", NAMES[0]])
    assert played == NAMES[:1]

    command.main(["--only", "planned"])
    assert played[1:] == [name for name in NAMES if name.startswith("planned/")]


def test_a_name_that_is_none_is_told(played: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """In a line, and nothing is played."""
    assert command.main(["--only", "planed"]) == 2
    assert (capsys.readouterr().err, played) == ("drills: no drill planed; see --list\n", [])
