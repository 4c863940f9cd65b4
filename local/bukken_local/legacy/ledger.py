"""What the back end took in: a line for each lead, and one for each that it had already."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Ledger:
    """A file that only grows. A line is written before the answer, and outlives the process."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self._path = path
        self._known = {line["Key"] for line in read(path)}
        self._forget_what_was_cut_short()

    def take(self, key: str, lead: Mapping[str, Any]) -> bool:
        """Whether it is new. What is known by its key has no second effect, whatever it says."""
        is_new = key not in self._known
        self._known.add(key)
        line = {"Key": key, "Lead": lead} if is_new else {"Key": key, "Duplicate": True}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        return is_new

    def _forget_what_was_cut_short(self) -> None:
        whole = self._path.read_bytes().rpartition(b"\n")
        with self._path.open("r+b") as file:
            file.truncate(len(whole[0]) + len(whole[1]))


def read(path: Path) -> list[dict[str, Any]]:
    """Its lines; the last may have been cut short by a crash, before it was answered."""
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
    return [json.loads(line) for line in lines]


def effects(path: Path) -> list[str]:
    """The keys of the leads that had an effect, in their order."""
    return [line["Key"] for line in read(path) if "Lead" in line]
