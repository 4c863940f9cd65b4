"""One drill from beginning to end, on a platform of its own."""

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bukken_local import start
from bukken_local.network import NoNetwork, refuse_taken
from bukken_local.state import State
from drills.drill import Drill
from drills.record import Record
from drills.run import play
from drills.stage import staged

PORTS: Final = range(8388, 8400)  # beside a `make run` and a `make bench` that may be up
PLACE: Final = Path("/var/tmp")  # noqa: S108 — the directories are made by mkdtemp
CLAIMS: Final = "127.0.87.1"  # in no platform's network (bukken_local.network.NUMBERS)


async def perform(name: str, drill: Drill, *, say: Callable[[str], None]) -> Record:
    """Plays it, and gives what was seen.

    Raises:
        NoNetwork: somebody listens on each port that the load balancer might have.
    """
    situation, began = drill.situation, time.monotonic()
    with state_directory() as directory, claimed_port() as port:
        async with staged(
            State(directory),
            port=port,
            time_scale=situation.time_scale,
            replicas={name: pods for name, pods in situation.replicas.items()},  # noqa: C416 — dict() would keep the type of the keys
        ) as stage:
            runs = [run async for run in play(drill, stage=stage, say=say)]
    return Record.of(name, drill, runs=runs, seconds=time.monotonic() - began)


@contextmanager
def state_directory() -> Iterator[Path]:
    """One that the user PostgreSQL runs as can reach."""
    directory = Path(tempfile.mkdtemp(prefix=_ours(), dir=PLACE))
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        _forget(directory)


def end_at_once() -> None:
    """Kills all that a drill of this process has started, and forgets it."""
    for directory in PLACE.glob(f"{_ours()}*"):
        _forget(directory)


def _ours() -> str:
    return f"bukken-drill-{os.getpid()}-"


def _forget(directory: Path) -> None:
    # Also what nobody knows any more: of Pods that were being replaced when all was broken off.
    start.end_at_once(State(directory))
    shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def claimed_port() -> Iterator[int]:
    """One for the load balancer, held as long as the drill lasts.

    Raises:
        NoNetwork: there is none.
    """
    for port in PORTS:
        if claim := _claim(port):
            with claim:
                yield port
            return
    raise NoNetwork(f"somebody listens on each port from {PORTS[0]} to {PORTS[-1]}")


def _claim(port: int) -> socket.socket | None:
    # Why not just look whether somebody listens? Two drills that begin together would both find
    # nobody, and two Envoys share a port silently.
    claim = socket.socket()
    try:
        claim.bind((CLAIMS, port))
        refuse_taken("127.0.0.1", port=port)
    except (OSError, NoNetwork):
        claim.close()
        return None
    return claim
