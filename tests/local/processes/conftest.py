"""What the tests of processes share."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bukken_local.processes.child import Child, User

Start = Callable[..., Child]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """A function that starts a shell script as a child; what still runs is killed at the end."""
    children: list[Child] = []

    def start(script: str, *, user: User | None = None) -> Child:
        child = Child.start(
            ["/bin/sh", "-c", script],
            name="script",
            log=tmp_path / "script.log",
            env={"PATH": os.defpath},
            cwd=Path("/"),
            user=user,
        )
        children.append(child)
        return child

    yield start
    for child in children:
        asyncio.run(child.stop(grace_seconds=0))
