"""On a node, seeing its processes: which of the platform's start and end; and stops one by SIGSTOP.

`watch` writes a line for each start and end; `stop UID` stops the app of the Pod of this UID.
Why from the node? Within its container the app is process 1, which nobody in there can stop.
"""

import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

LOOK_SECONDS = 0.05
YOUNG_SECONDS = 2
ROLES = {
    "bukken_contract.drain": "drain",
    "command_api": "app",
    "query_api": "app",
    "envoy": "envoy",
}
UID = re.compile(r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})")


def watch() -> None:
    """Until it is ended. Young ones alone are looked at: a node has hundreds of processes."""
    born: dict[str, float] = {}
    ours: dict[str, tuple[str, str]] = {}
    while True:
        now = time.monotonic()
        there = {name for name in os.listdir("/proc") if name.isdigit()}  # noqa: PTH208 — 20 times a second
        for number in ours.keys() - there:
            _say("ended", ours.pop(number))
        born = {number: born.get(number, now) for number in there}
        # More than once: it is the container runtime before it becomes what it shall be.
        young = {number for number, since in born.items() if now - since < YOUNG_SECONDS}
        for number in sorted(young - ours.keys()):
            if found := _found(number):
                ours[number] = found
                _say("started", found)
        time.sleep(LOOK_SECONDS)


def stop(uid: str) -> None:
    """All processes of the Pod's app: gunicorn has a worker beside its process 1."""
    for name in os.listdir("/proc"):  # noqa: PTH208 — as above
        if name.isdigit() and _found(name) == ("app", uid):
            os.kill(int(name), signal.SIGSTOP)
            sys.stdout.write(f"{name} stopped\n")


def _found(number: str) -> tuple[str, str] | None:
    """What it is, and its Pod's UID."""
    try:
        words = Path(f"/proc/{number}/cmdline").read_text(errors="replace").split("\0")
        uid = UID.search(Path(f"/proc/{number}/cgroup").read_text())
    except OSError:  # it has ended already
        return None
    roles = (ROLES[word] for word in _words(words) if word in ROLES)
    role = next(roles, None)
    return (role, uid[1].replace("_", "-")) if role and uid else None


def _words(words: list[str]) -> Iterator[str]:
    """The program, or Python's module: not the arguments, which name files."""
    yield words[0].rpartition("/")[2]
    if "-m" in words[:-1]:
        yield words[words.index("-m") + 1]


def _say(what: str, found: tuple[str, str]) -> None:
    role, uid = found
    line = {"what": f"{role} {what}", "uid": uid}
    sys.stdout.write(f"{json.dumps(line)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    stop(sys.argv[2]) if sys.argv[1] == "stop" else watch()
