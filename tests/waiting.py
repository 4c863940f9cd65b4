"""Waiting in tests: never a sleep of a guessed length, always a deadline and a sentence."""

import time
from collections.abc import Callable


def wait_until(
    condition: Callable[[], object], *, what: str | Callable[[], str], seconds: float = 30
) -> None:
    """Asks until the answer is yes, or fails with what did not happen.

    Args:
        condition: asked again and again.
        what: a sentence in the present tense, or what makes one of how things are at the deadline.
        seconds: the deadline.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            said = what if isinstance(what, str) else what()
            raise AssertionError(f"not within {seconds:g} s: {said}")
        time.sleep(0.02)
