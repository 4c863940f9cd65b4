"""Tests marked `alone` have the machine to themselves, also where two processes run the others.

They count what a platform does in fractions of a second; a neighbour's test that brings another one
up would be counted too.
"""

import fcntl
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

DOOR, ROOM = Path(__file__), Path(__file__).with_name("conftest.py")  # any two that are there


def pytest_configure(config: pytest.Config) -> None:
    """The marker is known."""
    config.addinivalue_line("markers", "alone: no other test runs meanwhile, on either worker")


@pytest.hookimpl(wrapper=True, tryfirst=True)  # first: a time-out does not count what it waits here
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Whoever must be alone waits until all have left; the others wait until it has."""
    with room(alone=item.get_closest_marker("alone") is not None):
        return (yield)


@contextmanager
def room(*, alone: bool, door: Path = DOOR, inside: Path = ROOM) -> Iterator[None]:
    """Two locks of this checkout: through the door one by one, in the room many or one.

    Why a door? Many that come and go would leave the room never empty; behind whoever waits in the
    door they queue.
    """
    with inside.open() as held:
        with door.open() as passing:
            fcntl.flock(passing, fcntl.LOCK_EX)
            fcntl.flock(held, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
