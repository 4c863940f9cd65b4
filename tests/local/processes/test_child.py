import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import astuple
from importlib.resources import files
from pathlib import Path

import pytest

from bukken_local.processes.binaries import NOBODY
from bukken_local.processes.child import Child, NotTheMainThreadError
from bukken_local.processes.waiting import until

Start = Callable[..., Child]
STUB = str(files("bukken_local.processes") / "die_with_parent.py")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

# Signals 32 and 33: the C library's own, which no program of ours can set either way.
OF_THE_C_LIBRARY = 0b11 << 31

# A runner that starts one child, says its pid, and sleeps.
RUNNER = """
import sys, time
from pathlib import Path
from bukken_local.processes.child import Child, User
user = User(uid=int(sys.argv[2]), gid=int(sys.argv[2])) if sys.argv[2] != "-" else None
child = Child.start(
    ["sleep", "600"], name="sleep", log=Path(sys.argv[1]), env={}, cwd=Path("/"), user=user
)
while child.running and Path(f"/proc/{child.pid}/comm").read_text() != "sleep\\n":
    time.sleep(0.01)
print(child.pid if child.running else child.tail(), flush=True)
time.sleep(600)
"""


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ["gone"]


def _runs(pid: int) -> bool:
    return _stat(pid)[0] not in ("gone", "Z", "X")


def _says(child: Child, text: str) -> None:
    asyncio.run(until(lambda: text in child.tail(), seconds=5, what=f"the child says {text!r}"))


@pytest.mark.parametrize("user", ["-", pytest.param(str(NOBODY.uid), marks=needs_root)])
def test_a_child_dies_when_its_parent_is_killed(tmp_path: Path, user: str) -> None:
    """No `kill -9` of the runner leaves a child, even one that became another user."""
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER, tmp_path / "log", user], stdout=subprocess.PIPE
    )
    try:
        assert runner.stdout is not None
        child = int(runner.stdout.readline())
    finally:
        runner.kill()
        runner.communicate()

    asyncio.run(until(lambda: not _runs(child), seconds=5, what="the child is gone"))


def test_a_child_whose_parent_died_first_does_not_begin(tmp_path: Path) -> None:
    """A parent that dies before the kernel is told to watch it is noticed all the same."""
    nobodys_pid = str(2**22 + 1)  # above the largest pid Linux gives
    begun = tmp_path / "begun"

    stub_run = subprocess.run(
        [sys.executable, "-I", "-S", STUB, nobodys_pid, "9", "-", "-", "touch", begun],
        capture_output=True,
        check=False,
        text=True,
    )

    assert (stub_run.returncode, stub_run.stderr) == (1, "the parent is gone\n")
    assert not begun.exists()


@needs_root
def test_a_dropped_child_keeps_nothing_of_root() -> None:
    """User, group and the other groups are all the new user's, for good."""
    stub_run = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            STUB,
            str(os.getpid()),
            "9",
            *map(str, astuple(NOBODY)),
            "grep",
            "-E",
            "^(Uid|Gid|Groups|CapEff):",
            "/proc/self/status",
        ],
        extra_groups=[4242],  # root may have none, and there would be nothing to keep
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )

    fields = dict(line.split(":", 1) for line in stub_run.stdout.splitlines())
    assert {key: value.split() for key, value in fields.items()} == {
        "Uid": ["65534"] * 4,
        "Gid": ["65534"] * 4,
        "Groups": [],
        "CapEff": ["0" * 16],
    }


def test_a_child_ignores_no_signal(start: Start) -> None:
    """What Python ignores for itself (SIGPIPE) would stay ignored in every program it becomes."""
    child = start("grep SigIgn /proc/self/status")
    asyncio.run(child.wait())

    ignored = int(child.tail().split()[1], base=16) & ~OF_THE_C_LIBRARY
    assert ignored == 0


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 3", "exited with status 3"),
        ("kill -KILL $$", "killed by SIGKILL"),
        ("exec no-such-program", "exited with status 127"),
    ],
)
def test_the_end_of_a_child_is_told_in_words(start: Start, script: str, reason: str) -> None:
    """An exit status is not made to be read."""
    child = start(script)

    assert asyncio.run(child.wait()) == reason
    assert not child.running


def test_a_program_that_is_not_there_is_named_in_the_log(tmp_path: Path) -> None:
    """The end of the log says why a child did not start."""
    child = Child.start(["/no/such/program"], name="x", log=tmp_path / "log", env={}, cwd=tmp_path)

    assert asyncio.run(child.wait()) == "exited with status 127"
    assert child.tail() == "/no/such/program: No such file or directory\n"


def test_stop_asks_first(start: Start) -> None:
    """A program that ends when it is told to ends its own way."""
    child = start("trap 'exit 7' INT; echo ready; while :; do sleep 0.01; done")
    _says(child, "ready")

    reason = asyncio.run(child.stop(term_signal=signal.SIGINT, grace_seconds=5))

    assert reason == "exited with status 7"


def test_stop_kills_what_does_not_end(start: Start) -> None:
    """A grace is an end, too, for a program that ignores the signal."""
    child = start("trap '' TERM; echo ready; while :; do sleep 0.01; done")
    _says(child, "ready")

    assert asyncio.run(child.stop(grace_seconds=0.1)) == "killed by SIGKILL"


def test_what_a_dead_child_left_in_its_group_is_killed(start: Start) -> None:
    """Grandchildren do not survive their parent, whoever ended it."""
    child = start("sleep 600 & echo pid $!.; wait")
    _says(child, ".")
    grandchild = int(child.tail().split()[1].rstrip("."))
    os.kill(child.pid, signal.SIGKILL)

    asyncio.run(child.wait())

    asyncio.run(until(lambda: not _runs(grandchild), seconds=5, what="the grandchild is gone"))


def test_the_tail_is_the_last_lines(start: Start) -> None:
    """A long log is not told whole."""
    child = start("seq 1 100")
    asyncio.run(child.wait())

    assert child.tail(3) == "98\n99\n100\n"


def test_a_child_is_started_from_the_main_thread_alone(start: Start) -> None:
    """The kernel takes the end of the thread that forked for the parent's death."""
    errors: list[type[BaseException]] = []

    def try_it() -> None:
        try:
            start("exit 0")
        except NotTheMainThreadError as error:
            errors.append(type(error))

    thread = threading.Thread(target=try_it)
    thread.start()
    thread.join()

    assert errors == [NotTheMainThreadError]
