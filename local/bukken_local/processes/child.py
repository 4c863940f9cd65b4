"""A program that runs, and cannot outlive the one that started it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bukken_local.processes.waiting import POLL_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LOOK_SECONDS = 0.1  # a dozen programs are waited for all day long
KILL_SECONDS = 5.0  # a killed process that is still there after that hangs in the kernel
DIE_WITH_PARENT = Path(__file__).with_name("die_with_parent.py")


class NotTheMainThreadError(RuntimeError):
    """Started from another thread, a child would be ended by the kernel when that thread ends."""


@dataclass(frozen=True)
class User:
    """Who a child runs as."""

    uid: int
    gid: int


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
        with log_file(log) as output:
            popen = subprocess.Popen(
                [sys.executable, "-I", "-S", DIE_WITH_PARENT, *ties, *argv],
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

    def send_signal(self, number: signal.Signals) -> None:
        """Send the program a signal, if it still runs."""
        if self.running:
            os.kill(self.pid, number)

    async def wait(self) -> str:
        """Wait for its end and say how it ended."""
        while (reason := self.exit_reason) is None:  # noqa: ASYNC110 — the kernel sets no Event
            await asyncio.sleep(LOOK_SECONDS)
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


def _is_dead(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def log_file(path: Path) -> BinaryIO:
    """A file that only we read, to append to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    return path.open("ab")
