"""Whoever breaks a drill off has his machine back as it was: `python -m drills` as a process."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGTERM, Signals

import pytest
from left_processes import processes_of
from waiting import wait_until

from drills.perform import PLACE

SECONDS = 240
DRILL = "unplanned/query-api-killed"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Drilling:
    """One that is under way."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        """All that it has printed."""
        return self.log.read_text()

    @property
    def left(self) -> list[str]:
        """Its directories, and the processes that have something to do with them."""
        directories = [*PLACE.glob(f"bukken-drill-{self.process.pid}-*")]
        return [*map(str, directories), *(each for d in directories for each in processes_of(d))]

    def until(self, word: str) -> None:
        """Waits until it has said so, and has something to leave behind."""
        wait_until(
            lambda: word in self.said and len(self.left) > 1 and self.process.poll() is None,
            what=lambda: f"it says {word!r}: {self.said}",
            seconds=SECONDS / 2,
        )


@pytest.fixture
def drilling(tmp_path: Path) -> Iterator[Drilling]:
    """A real drill."""
    with begun(DRILL, log=tmp_path / "said") as process:
        yield Drilling(process, tmp_path / "said")


@contextmanager
def begun(name: str, *, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Without a terminal, as CI does it."""
    command = [sys.executable, "-m", "drills", f"--only={name}"]
    with log.open("wb") as to:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=to, stderr=to
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize(
    ("word", "number", "status"),
    [
        ("1/1", SIGHUP, 129),  # while the platform is brought up
        ("bringing it up", SIGTERM, 143),  # while all Pods are replaced
        ("kill …", SIGINT, 130),  # while clients ask, and something happens
    ],
)
def test_a_drill_that_is_broken_off_leaves_nothing(
    word: str, number: Signals, status: int, *, drilling: Drilling
) -> None:
    """No process and no directory, whenever it was; and it says so in a line."""
    drilling.until(word)
    there = drilling.left
    drilling.process.send_signal(number)

    assert drilling.process.wait(SECONDS / 4) == status, drilling.said
    gone = [each for each in there if each.split()[0] in "\n".join(drilling.left)]
    assert (gone, drilling.left) == ([], [])
    assert drilling.said.splitlines()[-1] == "drills: broken off, nothing is left running"


@pytest.mark.timeout(SECONDS)
def test_in_a_hurry_nothing_is_left_either(drilling: Drilling) -> None:
    """Whoever says it again, and again, does not wait for anybody's good order."""
    drilling.until("kill …")

    def told_and_ended() -> bool:
        drilling.process.send_signal(SIGINT)
        return drilling.process.poll() is not None

    wait_until(told_and_ended, what="it ends", seconds=SECONDS / 4)
    assert (drilling.process.returncode, drilling.left) == (130, [])
