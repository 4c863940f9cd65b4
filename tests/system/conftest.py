"""The real platform, started once for all system tests and stopped in the end."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import free_ports
import pytest
from left_processes import processes_of
from running_platform import Platform

START_SECONDS = 60
STOP_SECONDS = 20


@dataclass(kw_only=True)
class Runner(Platform):
    """`python -m bukken_local run` as a process of its own, and what it says of itself."""

    state: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """The load balancer's."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ready(self) -> bool:
        """Whether platform.json is there, and this run's own: a killed one leaves its behind."""
        try:
            return bool(self.description["pid"] == self.process.pid)
        except FileNotFoundError:
            return False

    @property
    def said(self) -> str:
        """All that it has printed."""
        return (self.state / "said").read_text()

    @property
    def description(self) -> dict[str, Any]:
        """platform.json as it is now."""
        described: dict[str, Any] = json.loads((self.state / "platform.json").read_text())
        return described

    def container(self, pod: str, name: str) -> dict[str, Any]:
        """What platform.json says of a container."""
        found: dict[str, Any] = next(
            described["containers"][name]
            for described in self.description["pods"]
            if described["name"] == pod
        )
        return found

    def logs(self) -> dict[str, str]:
        """What each process has written."""
        found = self.state.rglob("*.log")
        return {str(file): file.read_text(errors="replace") for file in found}

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs another command on the same state directory."""
        return subprocess.run(
            [sys.executable, "-m", "bukken_local", *arguments],
            env=_environment(self.state),
            capture_output=True,
            text=True,
            check=False,
            timeout=START_SECONDS,
        )

    def left(self) -> list[str]:
        """Processes of this platform that run now, however they came to be."""
        return sorted(set(processes_of(self.state)))

    def end(self, number: signal.Signals) -> None:
        """Sends a signal and waits until nothing is left of the platform."""
        self.process.send_signal(number)
        self.wait_until(lambda: self.process.poll() is not None, seconds=STOP_SECONDS, what="ended")
        self.wait_until(lambda: not self.left(), seconds=STOP_SECONDS, what=f"{self.left()} ended")


Run = Callable[..., AbstractContextManager[Runner]]
"""A state directory and options; the platform runs as long as the block."""


@contextmanager
def new_state() -> Iterator[Path]:
    """A state directory that the user PostgreSQL runs as can reach; pytest's own are closed."""
    state = Path(tempfile.mkdtemp(prefix="bukken-test-", dir="/var/tmp"))
    state.chmod(0o711)
    try:
        yield state
    finally:
        shutil.rmtree(state)


@contextmanager
def running(state: Path, *options: str) -> Iterator[Runner]:
    """A platform that is ready; in the end it is stopped as by Ctrl-C, and nothing is left."""
    port = free_ports.free_port()
    with (state / "said").open("ab") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "bukken_local", "run", "--port", str(port), *options],
            env=_environment(state),
            stdout=said,
            stderr=said,
        )
    runner = Runner(state=state, port=port, process=process)
    try:
        runner.wait_until(
            lambda: process.poll() is not None or runner.ready,
            seconds=START_SECONDS,
            what="the platform is ready",
        )
        assert process.poll() is None, runner.said
        yield runner
    finally:
        runner.end(signal.SIGINT)


def _environment(state: Path) -> dict[str, str]:
    return {**os.environ, "BUKKEN_STATE_DIR": str(state)}


@pytest.fixture(scope="session")
def platform(request: pytest.FixtureRequest) -> Iterator[Platform]:
    """The platform that most system tests share; it has no listing when the first one starts."""
    if request.config.getoption("place") == "compose":
        yield request.getfixturevalue("composed")
    else:
        with new_state() as state, running(state, "--no-sample") as runner:
            yield runner


@pytest.fixture
def runner(platform: Platform) -> Runner:
    """The same, for tests about the first place's runner itself; on containers they are skipped."""
    if not isinstance(platform, Runner):
        pytest.skip("about the runner of local/ itself")
    return platform


@pytest.fixture(scope="module")
def own_runner(request: pytest.FixtureRequest) -> Iterator[Runner]:
    """A platform on processes for the tests of one file, which kill parts of it."""
    if request.config.getoption("place") != "local":
        pytest.skip("about processes of the runner of local/")
    with new_state() as state, running(state, "--no-sample") as runner:
        yield runner


@pytest.fixture
def own_state(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A state directory for a test that starts and stops platforms itself, on processes alone."""
    if request.config.getoption("place") != "local":
        pytest.skip("about the runner of local/ itself")
    with new_state() as state:
        yield state


@pytest.fixture
def free_port() -> int:
    """A port for a platform's load balancer."""
    return free_ports.free_port()


@pytest.fixture
def run() -> Run:
    """Starts a platform on a state directory for the length of a `with`."""
    return running
