"""What each part of a running platform takes, children included."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_MIB: Final = 1024


@dataclass(frozen=True)
class Memory:
    """MiB: `proportional` shares shared pages out (PSS), `resident` counts them each time (RSS)."""

    proportional: float
    resident: float

    def __add__(self, other: "Memory") -> "Memory":
        return Memory(self.proportional + other.proportional, self.resident + other.resident)


def memory_of_parts(description: dict[str, Any]) -> dict[str, Memory]:
    """By part: every container of every Pod, each database process, the runner itself."""
    parts = {
        f"{pod['name']} {name}": _with_children(container["pid"])
        for pod in description["pods"] + description["stand_ins"]
        for name, container in pod["containers"].items()
    }
    servers = description["database"]["processes"]
    parts |= {f"PostgreSQL {name}": _with_children(pid) for name, pid in servers.items()}
    return parts | {"the runner": _of_one(description["pid"])}


def _with_children(pid: int) -> Memory:
    memory = _of_one(pid)
    for child in _children(pid):
        memory += _with_children(child)
    return memory


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(word) for word in task.read_text().split()]
    return found


def _of_one(pid: int) -> Memory:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    kib = {
        name: int(value)
        for name, value in re.findall(r"^(Pss|Rss):\s+(\d+) kB", text, re.MULTILINE)
    }
    return Memory(kib["Pss"] / _MIB, kib["Rss"] / _MIB)
