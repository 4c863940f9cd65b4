import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from waiting import wait_until

from bukken_local.processes.child import Child
from bukken_local.processes.left_behind import identity_of, reap_left_behind, remember

Start = Callable[..., Child]


def test_the_next_start_kills_what_was_left_behind(start: Start, tmp_path: Path) -> None:
    """What was remembered and still runs is killed by name, once, and then forgotten."""
    child, ended = start("exec sleep 600"), start("exit 0")
    state = tmp_path / "children"
    remember(child, state_file=state)
    remember(ended, state_file=state)
    asyncio.run(ended.wait())

    assert reap_left_behind(state) == ["script"]
    assert asyncio.run(child.wait()) == "killed by SIGKILL"
    assert reap_left_behind(state) == []


def test_what_has_ended_but_nobody_has_reaped_is_not_left_behind(
    start: Start, tmp_path: Path
) -> None:
    """An orphan that ended where nobody reaps orphans is in the process table for ever."""
    zombie = start("exit 0")
    state = tmp_path / "children"
    remember(zombie, state_file=state)
    status = Path(f"/proc/{zombie.pid}/stat")
    ended = lambda: status.read_text().rpartition(")")[2].split()[0] == "Z"  # noqa: E731 — a name for the wait
    wait_until(ended, what="it has ended")

    assert reap_left_behind(state) == []


@pytest.mark.parametrize("changed", [{"started": 1}, {"boot": "another"}])
def test_a_stranger_with_a_remembered_pid_is_spared(
    start: Start, tmp_path: Path, changed: dict[str, object]
) -> None:
    """A pid is used again, and after a boot the clock ticks too: those are other processes."""
    stranger = start("exec sleep 600")
    state = tmp_path / "children"
    state.write_text(json.dumps(asdict(identity_of(stranger)) | changed) + '\n{"name": "half a li')

    assert reap_left_behind(state) == []
    assert stranger.running
