"""What each part of a running platform takes, children included."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_MIB: Final = 1024


@dataclass(frozen=True)
class Memory:
    """MiB, of one part.

    Attributes:
        proportional: shared pages are shared out among all who have them (PSS): sums are true.
        resident: as a container of its own is charged: its first process's RSS, and what its
            children have that is theirs alone. A page both have is charged once.
    """

    proportional: float
    resident: float

    def __add__(self, other: "Memory") -> "Memory":
        return Memory(self.proportional + other.proportional, self.resident + other.resident)

    def __str__(self) -> str:
        return f"{self.proportional:.0f} / {self.resident:.0f} MiB"


def memory_of_parts(description: dict[str, Any]) -> dict[str, Memory]:
    """By part: every container of every Pod, each database process, the runner itself."""
    parts = {
        f"{pod['name']} {name}": memory_of(container["pid"])
        for pod in description["pods"] + description["stand_ins"]
        for name, container in pod["containers"].items()
    }
    servers = description["database"]["processes"]
    parts |= {f"PostgreSQL {name}": memory_of(pid) for name, pid in servers.items()}
    runner = _pages_of(description["pid"])
    return parts | {"the runner": Memory(runner["Pss"], runner["Rss"])}


def memory_of(pid: int) -> Memory:
    """Of a process and all below it."""
    first, below = _pages_of(pid), [_pages_of(child) for child in _descendants(pid)]
    return Memory(
        first["Pss"] + sum(pages["Pss"] for pages in below),
        first["Rss"] + sum(pages["Private_Clean"] + pages["Private_Dirty"] for pages in below),
    )


def _descendants(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            yield child
            yield from _descendants(child)


def _pages_of(pid: int) -> dict[str, float]:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    found = re.findall(r"^(\w+):\s+(\d+) kB", text, re.MULTILINE)
    return {name: int(value) / _MIB for name, value in found}
