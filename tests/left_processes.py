"""Which processes are of a platform, however they came to be."""

from collections.abc import Iterator
from pathlib import Path


def processes_of(state: Path) -> Iterator[str]:
    """Those that run now and have this directory somewhere in what they were started with."""
    # In their arguments, their environment, or where they stand.
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line, environment = ((process / name).read_bytes() for name in ("cmdline", "environ"))
            where = str((process / "cwd").readlink())
        except OSError:  # it has ended, or is somebody else's
            continue
        home = f"HOME={state}".encode()
        if bytes(state) in line or home in environment or where.startswith(str(state)):
            words = line.replace(b"\0", b" ").decode(errors="replace")
            yield f"{process.name} {words}"
