"""A round of `make drills`, its drills stood in for: they take a minute each."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from signal import SIGINT

import pytest
from free_ports import free_port

from drills import __main__ as command
from drills.drill import Drill, all_drills
from drills.perform import claimed_port
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
            os.kill(os.getpid(), SIGINT)
            await asyncio.sleep(60)
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
    said = capsys.readouterr()
    assert f"has done {len(NAMES) - 1} of {len(NAMES)}" in said.out
    assert said.err.startswith(
        "drills: broken off, nothing is left running; the next `make drills`"
    )

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


def test_where_no_port_is_free_that_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a line, and what is played then is a matter of the next try."""
    port = free_port()
    monkeypatch.setattr("drills.perform.PORTS", range(port, port + 1))

    with claimed_port():
        assert command.main(["--only", NAMES[0]]) == 2
    told = f"drills: somebody listens on each port from {port} to {port}\n"
    assert capsys.readouterr().err == told


def test_a_line_that_is_not_there_is_told_before_anything_is_played(
    played: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """One of a release too, whichever drills are asked for."""
    name, file = next(each for each in all_drills() if each[0] == "planned/bad-release")
    renamed = tmp_path / "renamed.yaml"
    renamed.write_text(file.read_text().replace("containers[app].command", "containers[app].cmd"))
    found = [*all_drills(), (name, renamed)]
    monkeypatch.setattr(command, "all_drills", lambda: found)

    assert (command.main(["--only", NAMES[0]]), played) == (2, [])
    told = "planned/bad-release, with all lines, step bad-release: k8s/base/query-api.yaml has no "
    assert capsys.readouterr().err.startswith(f"drills: {told}")
