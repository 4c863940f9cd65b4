"""`make run` itself: how soon it is ready, what it takes, how fast the real files are taken in."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import Figure, Sizes
from benchmarks.grown import data_files
from benchmarks.memory import Memory, memory_of_parts

PORT: Final = 8188  # beside a `make run` that may be up
DEADLINE_SECONDS: Final = 120
_MOST_RESIDENT: Final = {" app": 128, " envoy": 96}


def starting(say: Callable[[str], None], _sizes: Sizes) -> Iterator[Figure]:
    """On a state directory of its own, three times."""
    with state_directory() as state:
        for name, most in (("first start, sample loaded, s", 60), ("second start, s", 12)):
            say(name)
            with running(state) as (_, seconds):
                yield Figure(name=name, ratio=seconds, at_most=most)
        with running(state) as (description, _):
            yield from _memory("at rest", memory_of_parts(description))
            if files := data_files():
                say("importing both files")
                yield _import(files, state=state)
                yield from _memory("after the import", memory_of_parts(description))


@contextmanager
def state_directory() -> Iterator[Path]:
    """Where the user that PostgreSQL runs as can reach."""
    with tempfile.TemporaryDirectory(prefix="bukken-bench-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def _memory(when: str, parts: dict[str, Memory]) -> Iterator[Figure]:
    """As a container of its own is charged; the whole as PSS, so that shared pages count once."""
    for part, memory in parts.items():
        most = next((most for kind, most in _MOST_RESIDENT.items() if part.endswith(kind)), None)
        raw = {"PSS, MiB": round(memory.proportional)}
        yield Figure(name=f"{part}, {when}, MiB", ratio=memory.resident, at_most=most, raw=raw)
    whole = sum(parts.values(), start=Memory(0, 0)).proportional
    yield Figure(name=f"whole platform, {when}, MiB", ratio=whole, at_most=1024)


def _import(files: list[Path], *, state: Path) -> Figure:
    lines = sum(max(0, sum(1 for _ in file.open("rb")) - 1) for file in files)
    begun = time.monotonic()
    with (state / "import.log").open("wb") as log:
        subprocess.run(
            [sys.executable, "-m", "bukken_local", "import", *map(str, files)],
            env=_environment(state),
            stdout=log,
            stderr=log,
            check=True,
        )
    seconds = time.monotonic() - begun
    raw = {"lines": lines, "seconds": round(seconds, 1)}
    return Figure(name="import of both files, lines/s", ratio=lines / seconds, raw=raw)


@contextmanager
def running(state: Path) -> Iterator[tuple[dict[str, Any], float]]:
    """`make run` on that state: its platform.json, and after how many seconds it was ready."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "bukken_local", "run", "--port", str(PORT)]
    with subprocess.Popen(
        command, env=_environment(state), stdout=subprocess.DEVNULL, stderr=sys.stderr
    ) as process:
        try:
            description = _described(state, process=process)
            yield description, time.monotonic() - begun
        finally:
            process.send_signal(signal.SIGINT)


def _described(state: Path, *, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
        try:
            found: dict[str, Any] = json.loads((state / "platform.json").read_text())
        except FileNotFoundError:
            continue
        if found["pid"] == process.pid:
            return found
    raise TimeoutError(f"the platform was not ready within {DEADLINE_SECONDS} s")


def _environment(state: Path) -> dict[str, str]:
    return {**os.environ, "BUKKEN_STATE_DIR": str(state)}
