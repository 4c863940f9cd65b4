"""One drill from beginning to end, on a platform of its own."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from bukken_local.network import NoNetwork, refuse_taken
from bukken_local.state import State
from drills.drill import Drill
from drills.record import Record
from drills.run import play
from drills.stage import staged

PORTS: Final = range(8388, 8400)  # beside a `make run` and a `make bench` that may be up


async def perform(name: str, drill: Drill, *, say: Callable[[str], None]) -> Record:
    """Plays it, and gives what was seen.

    Raises:
        NoNetwork: somebody listens on each port that the load balancer might have.
    """
    situation = drill.situation
    with _state_directory() as directory:
        async with staged(
            State(directory),
            port=_free_port(),
            time_scale=situation.time_scale,
            replicas=situation.replicas,
        ) as stage:
            runs = [run async for run in play(drill, stage=stage, say=say)]
    return Record.of(name, drill, runs=runs)


@contextmanager
def _state_directory() -> Iterator[Path]:
    """One that the user PostgreSQL runs as can reach."""
    directory = Path(tempfile.mkdtemp(prefix="bukken-drill-", dir="/var/tmp"))
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _free_port() -> int:
    for port in PORTS:
        with suppress(NoNetwork):
            refuse_taken("127.0.0.1", port=port)
            return port
    raise NoNetwork(f"somebody listens on each port from {PORTS[0]} to {PORTS[-1]}")
