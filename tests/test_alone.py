"""A test that must be alone is, and does not wait for ever."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest
from alone import room


class Visitor(threading.Thread):
    """Goes in, and stays until it is told to leave."""

    def __init__(self, where: Path, *, alone: bool) -> None:
        super().__init__()
        self._go_in = partial(room, alone=alone, door=where / "door", inside=where / "inside")
        self.is_in, self.leaves = threading.Event(), threading.Event()

    def run(self) -> None:
        """Waits for its turn."""
        with self._go_in():
            self.is_in.set()
            self.leaves.wait(20)


@contextmanager
def visit(where: Path, *, alone: bool = False) -> Iterator[Visitor]:
    """Comes to the door; on the way out it has gone."""
    visitor = Visitor(where, alone=alone)
    visitor.start()
    try:
        yield visitor
    finally:
        visitor.leaves.set()
        visitor.join()


@pytest.fixture
def here(tmp_path: Path) -> Callable[..., AbstractContextManager[Visitor]]:
    """A room of the test's own."""
    for name in ("door", "inside"):
        (tmp_path / name).touch()
    return partial(visit, tmp_path)


def test_most_tests_run_beside_each_other(
    here: Callable[..., AbstractContextManager[Visitor]],
) -> None:
    """Two workers are two in the room."""
    with here() as one, here() as other:
        assert one.is_in.wait(20)
        assert other.is_in.wait(20)


def test_who_must_be_alone_waits_for_the_others_and_they_for_it(
    here: Callable[..., AbstractContextManager[Visitor]],
) -> None:
    """Who comes after it does not slip in before it: otherwise its turn might never come."""
    with here() as before:
        assert before.is_in.wait(20)
        with here(alone=True) as alone:
            assert not alone.is_in.wait(0.2)
            with here() as after:
                assert not after.is_in.wait(0.2)
                before.leaves.set()
                assert alone.is_in.wait(20)
                assert not after.is_in.wait(0.2)
                alone.leaves.set()
                assert after.is_in.wait(20)
