import asyncio

import pytest

from bukken_local.processes.waiting import until


def test_until_says_what_did_not_happen() -> None:
    """A test or a start that waited in vain names what it waited for."""
    with pytest.raises(TimeoutError, match=r"^not within 0\.05 s: the primary accepts$"):
        asyncio.run(until(lambda: False, seconds=0.05, what="the primary accepts"))


def test_until_ends_a_condition_that_hangs() -> None:
    """The deadline holds for the question, too, not only between two of them."""

    async def hang() -> bool:
        await asyncio.Event().wait()
        return True

    with pytest.raises(TimeoutError, match="it answers"):
        asyncio.run(until(hang, seconds=0.05, what="it answers"))


def test_until_passes_on_a_conditions_own_timeout() -> None:
    """A time-out inside a condition is not taken for the deadline."""

    def fail() -> bool:
        raise TimeoutError("of a socket")

    with pytest.raises(TimeoutError, match="of a socket"):
        asyncio.run(until(fail, seconds=5, what="it answers"))
