"""What a killed run left behind is ended by the next one, which finds it written down."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bukken_local.processes.child import log_file
from bukken_local.processes.waiting import POLL_SECONDS

if TYPE_CHECKING:
    from bukken_local.processes.child import Child

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Identity:
    """A process, told from a later one of the same pid by its start, in clock ticks since boot."""

    name: str
    pid: int
    started: int
    boot: str


def identity_of(child: Child) -> Identity:
    """Who it is; the child must not have been reaped."""
    started = _started(child.pid) or 0
    return Identity(name=child.name, pid=child.pid, started=started, boot=_boot())


def remember(child: Child, *, state_file: Path) -> None:
    """Write a child down, so that the next start can find it should this process be killed."""
    with log_file(state_file) as state:
        state.write(json.dumps(asdict(identity_of(child))).encode() + b"\n")


def reap_left_behind(
    state_file: Path, *, ask: signal.Signals | None = None, seconds: float = 0
) -> list[str]:
    """Kill the remembered children that still run, forget all, and name the killed.

    With `ask` they are sent that signal first, and have so many seconds to end by themselves.
    """
    if not state_file.exists():
        return []
    left_behind = [child for child in _remembered(state_file) if _still_runs(child)]
    if ask is not None:
        _ask_to_end(left_behind, number=ask, seconds=seconds)
    for child in filter(_still_runs, left_behind):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    state_file.unlink()
    return [child.name for child in left_behind]


def _ask_to_end(children: list[Identity], *, number: signal.Signals, seconds: float) -> None:
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(child.pid, number)
    deadline = time.monotonic() + seconds
    while any(map(_still_runs, children)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def _remembered(state_file: Path) -> list[Identity]:
    # The last line may be half a one: its writer was killed.
    found = []
    for line in state_file.read_text().splitlines():
        with suppress(ValueError, TypeError):
            found.append(Identity(**json.loads(line)))
    return found


def _still_runs(child: Identity) -> bool:
    return child.boot == _boot() and child.started == _started(child.pid)


def _boot() -> str:
    return BOOT_ID.read_text().strip()


def _started(pid: int) -> int | None:
    # proc(5): field 22 of stat, counted from the last bracket: the name in field 2 may hold some.
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # A zombie runs no more; without a process that reaps orphans it stays in the table for ever.
    return None if fields[0] in "ZX" else int(fields[22 - 3])
