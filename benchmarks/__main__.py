"""Measures the local platform: `make bench`. Prints a table; writes benchmarks/results.json."""

import json
import os
import platform as machine
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.memory import Memory, memory_of_parts

HERE: Final = Path(__file__).parent
FILES: Final = ("mlit_tokyo_2021.csv", "king_county_sales.csv")
PORT: Final = 8188  # beside a `make run` that may be up
DEADLINE_SECONDS: Final = 120
_BARS: Final = {" app": "container ≤ 128 MiB", " envoy": "container ≤ 96 MiB"}


def main() -> None:
    """Runs every measurement on a platform of its own and says what came out."""
    with tempfile.TemporaryDirectory(prefix="bukken-bench-", dir="/var/tmp") as folder:
        state = Path(folder)
        state.chmod(0o711)
        results = list(_measured(state))
    for name, value, bar in results:
        sys.stdout.write(f"{name:<40} {value:>15}  {bar}\n")
    record = [{"name": n, "value": v, "bar": b, "machine": _machine()} for n, v, b in results]
    text = json.dumps(record, indent=2, ensure_ascii=False)
    (HERE / "results.json").write_text(text + "\n", encoding="utf-8")


def _measured(state: Path) -> Iterator[tuple[str, str, str]]:
    with _running(state) as (_, seconds):
        yield "first start to ready, sample loaded", f"{seconds:.1f} s", "≤ 60 s, clone and all"
    with _running(state) as (_, seconds):
        yield "second start to ready", f"{seconds:.1f} s", "≤ 12 s"
    with _running(state) as (description, _):
        yield from _memory("at rest", memory_of_parts(description))
        if files := _data_files():
            yield from _import(files, state=state)
            yield from _memory("after the import", memory_of_parts(description))
        else:
            yield "import of both files", "skipped", "BUKKEN_DATA lacks them"


def _data_files() -> list[Path]:
    """The publishers' whole files; none if the folder `BUKKEN_DATA` lacks one."""
    files = [Path(os.environ.get("BUKKEN_DATA", "")) / name for name in FILES]
    return files if all(file.is_absolute() and file.exists() for file in files) else []


def _memory(when: str, parts: dict[str, Memory]) -> Iterator[tuple[str, str, str]]:
    """As PSS / what a container of its own would be charged."""
    for part, memory in parts.items():
        bar = next((bar for kind, bar in _BARS.items() if part.endswith(kind)), "")
        yield f"{part}, {when}", str(memory), bar
    whole = sum(parts.values(), start=Memory(0, 0))
    yield f"whole platform, {when}", str(whole), "PSS ≤ 1024 MiB"


def _import(files: list[Path], *, state: Path) -> Iterator[tuple[str, str, str]]:
    lines = sum(max(0, sum(1 for _ in file.open("rb")) - 1) for file in files)
    begun = time.monotonic()
    with (HERE / "import.log").open("wb") as log:
        done = subprocess.run(
            [sys.executable, "-m", "bukken_local", "import", *map(str, files)],
            env=_environment(state),
            stdout=log,
            stderr=log,
            check=False,
        )
    seconds = time.monotonic() - begun
    outcome = "nothing lost" if done.returncode == 0 else f"exit status {done.returncode}"
    yield f"import of {lines:,} lines, one PUT each", outcome, "nothing lost"
    yield "the same, rate", f"{lines / seconds:.0f} lines/s", f"{seconds:.0f} s in all"


@contextmanager
def _running(state: Path) -> Iterator[tuple[dict[str, Any], float]]:
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


def _machine() -> str:
    return f"{os.cpu_count()} cores, {machine.machine()}, Python {machine.python_version()}"


if __name__ == "__main__":
    main()
