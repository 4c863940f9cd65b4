"""Child processes that cannot outlive the one that started them.

Three nets, because each has a hole: `stop()` needs a runner that ends in order; the kernel's
parent-death signal (tether.py) works after `kill -9` of the runner too, but a program may take its
time over it; `reap_left_behind`, at the next start, ends what is still there.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import asdict, dataclass
from inspect import isawaitable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

POLL_SECONDS = 0.02
KILL_SECONDS = 5.0  # a killed process that is still there after that hangs in the kernel
TETHER = Path(__file__).with_name("tether.py")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class NotTheMainThreadError(RuntimeError):
    """Started from another thread, a child would be ended by the kernel when that thread ends."""


@dataclass(frozen=True)
class User:
    """Who a child runs as."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Identity:
    """A process, told from a later one of the same pid by its start, in clock ticks since boot."""

    name: str
    pid: int
    started: int
    boot: str


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


class Child:
    """A running program in a session of its own; when it ends, the rest of its group is killed."""

    def __init__(self, popen: subprocess.Popen[bytes], *, name: str, log: Path) -> None:
        self._popen = popen
        self.name = name
        self.log = log
        self.pid = popen.pid

    @classmethod
    def start(  # noqa: PLR0913 — each is a fact about the process that only the caller knows
        cls,
        argv: Sequence[str | Path],
        *,
        name: str,
        log: Path,
        env: Mapping[str, str],
        cwd: Path,
        user: User | None = None,
        death_signal: signal.Signals = signal.SIGKILL,
    ) -> Child:
        """Start a program: main thread only; its output is appended to `log`.

        `env` is its whole environment; `user` None keeps ours (another needs root). The kernel
        sends `death_signal` when this process dies: a program that has children of its own wants
        one that it handles.
        """
        if threading.current_thread() is not threading.main_thread():
            raise NotTheMainThreadError(f"{name}: start children from the main thread")
        who = (str(user.uid), str(user.gid)) if user else ("-", "-")
        ties = (str(os.getpid()), str(int(death_signal)), *who)
        # A file and never a pipe: nobody reads a pipe all the time, and a full one stops a program.
        with _log_file(log) as output:
            popen = subprocess.Popen(
                [sys.executable, "-I", "-S", TETHER, *ties, *argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            )
        return cls(popen, name=name, log=log)

    @property
    def running(self) -> bool:
        """Whether the program has not ended yet."""
        return self._status() is None

    @property
    def exit_status(self) -> int | None:
        """As subprocess has it: None while it runs, negative for a signal."""
        return self._status()

    @property
    def exit_reason(self) -> str | None:
        """How it ended ("exited with status 3", "killed by SIGKILL"); None while it runs."""
        status = self._status()
        if status is None:
            return None
        if status < 0:
            return f"killed by {signal.Signals(-status).name}"
        return f"exited with status {status}"

    @property
    def identity(self) -> Identity:
        """What `remember` writes down; the child must not have been reaped."""
        return Identity(name=self.name, pid=self.pid, started=_started(self.pid) or 0, boot=_boot())

    def send_signal(self, number: signal.Signals) -> None:
        """Send the program a signal, if it still runs."""
        if self.running:
            os.kill(self.pid, number)

    async def wait(self) -> str:
        """Wait for its end and say how it ended."""
        while (reason := self.exit_reason) is None:  # noqa: ASYNC110 — the kernel sets no Event
            await asyncio.sleep(POLL_SECONDS)
        return reason

    async def stop(
        self, *, term_signal: signal.Signals = signal.SIGTERM, grace_seconds: float
    ) -> str:
        """Ask it to end, kill its group when the grace is over, and say how it ended."""
        self.send_signal(term_signal)
        if not await self._ends_within(grace_seconds) and self.running:
            os.killpg(self.pid, signal.SIGKILL)
            await self._ends_within(KILL_SECONDS)
        return await self.wait()

    async def _ends_within(self, seconds: float) -> bool:
        """By the clock: in a task that was cancelled before, asyncio.timeout of 3.11.2 does not."""
        deadline = time.monotonic() + seconds
        while self.running and time.monotonic() < deadline:  # noqa: ASYNC110 — the kernel sets no Event
            await asyncio.sleep(POLL_SECONDS)
        return not self.running

    def tail(self, lines: int = 20) -> str:
        """The last lines it wrote."""
        with self.log.open(errors="replace") as log:
            return "".join(deque(log, maxlen=lines))

    def _status(self) -> int | None:
        # First looked at without reaping: until then the number of its group cannot be another's.
        if self._popen.returncode is None and _is_dead(self.pid):
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._popen.wait()
        return self._popen.returncode


def remember(child: Child, *, state_file: Path) -> None:
    """Write a child down, so that the next start can find it should this process be killed."""
    with _log_file(state_file) as state:
        state.write(json.dumps(asdict(child.identity)).encode() + b"\n")


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


def _is_dead(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _log_file(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    return path.open("ab")
