"""How far an import is: a bar on a terminal, a line for each tenth elsewhere."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class ImportProgress:
    """Counts lines against those the files have."""

    def __init__(self, files: Sequence[Path], *, console: Console) -> None:
        self._console = console
        self._total = max(1, sum(_records(file) for file in files))
        self._done = 0
        self._bar = Progress(
            TextColumn("importing"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("importing", total=self._total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def left(self, begun: int) -> int:
        """The lines that nobody has begun with."""
        return max(0, self._total - begun)

    def advance(self) -> None:
        """One more line is done."""
        tenths_before = 10 * self._done // self._total
        self._done += 1
        self._bar.advance(self._task)
        if not self._console.is_terminal and 10 * self._done // self._total > tenths_before:
            self._console.print(f"imported {self._done:,} of {self._total:,} lines")


def _records(file: Path) -> int:
    """Lines after the header. A file that cannot be read is told by the one who reads it."""
    try:
        with file.open("rb") as lines:
            return max(0, sum(1 for _ in lines) - 1)
    except OSError:
        return 0
