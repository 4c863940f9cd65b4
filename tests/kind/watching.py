"""What kubectl says as time goes by: objects as they change, lines as they are written."""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """Something, and when it was seen here: one clock for all that is compared."""

    at: float
    what: Document


class Stream:
    """Each line of JSON that a kubectl command prints, until it is closed.

    Why not ask again and again? Each question is a process, and the answer comes late.
    """

    def __init__(self, *arguments: str) -> None:
        self.seen: list[Seen] = []
        self._process = subprocess.Popen(
            ["kubectl", *arguments],  # noqa: S607 — the operator's own
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # at the end it complains of having been ended
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def close(self) -> None:
        """Ends it."""
        self._process.terminate()
        self._process.wait()
        self._reader.join()
        if self._process.stdout:
            self._process.stdout.close()

    def first(self, matches: Callable[[Document], object], *, after: float = 0) -> float | None:
        """When something like this was first seen."""
        return next((each.at for each in self.since(after) if matches(each.what)), None)

    def last(self, matches: Callable[[Document], object], *, after: float = 0) -> float | None:
        """When something like this was last seen."""
        times = [each.at for each in self.since(after) if matches(each.what)]
        return times[-1] if times else None

    def since(self, after: float) -> Iterator[Seen]:
        """All that was seen later than that."""
        return (each for each in tuple(self.seen) if each.at > after)

    def _read(self) -> None:
        for line in self._process.stdout or ():
            at = time.monotonic()
            try:
                self._note(Seen(at, json.loads(line)))
            except ValueError:  # other lines are not what it is read for
                continue

    def _note(self, seen: Seen) -> None:
        self.seen.append(seen)


class Objects(Stream):
    """All objects of a path of the API, and their changes as watch events."""

    def __init__(self, path: str) -> None:
        self._there: dict[str, Document] = {}
        super().__init__("get", "--raw", f"{path}?watch=1&timeoutSeconds=7200")

    def now(self) -> dict[str, Document]:
        """Those that are there, by name."""
        return self._there.copy()

    def _note(self, seen: Seen) -> None:
        super()._note(seen)
        name = seen.what["object"]["metadata"]["name"]
        self._there[name] = seen.what["object"]
        if seen.what["type"] == "DELETED":
            del self._there[name]
