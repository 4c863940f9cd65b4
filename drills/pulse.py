"""How long the machine stands still, seen by a process that does nothing else.

`python -m drills.pulse FILE` sleeps for a moment, again and again, until SIGTERM, and then writes
how many seconds too long the longest of its sleeps was. Why not of the load that its requests were
sent late? A thousand answers that do not come are work for it as well: a platform that hangs would
be taken for a machine that does.
"""

import signal
import sys
import threading
import time
from pathlib import Path
from typing import Final

SLEEP_SECONDS: Final = 0.02


def longest_standstill(*, until: threading.Event) -> float:
    """Seconds by which the longest of all sleeps was too long."""
    longest = 0.0
    while not until.is_set():
        began = time.monotonic()
        time.sleep(SLEEP_SECONDS)
        longest = max(longest, time.monotonic() - began - SLEEP_SECONDS)
    return longest


def main() -> None:
    """Watches, and writes what it saw."""
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    Path(sys.argv[1]).write_text(str(longest_standstill(until=told)), encoding="utf-8")


if __name__ == "__main__":
    main()
