from dataclasses import fields

import pytest

from bukken_contract.drain import DRAIN_SECONDS
from bukken_local.kubernetes.delays import Delay, Delays

NAMES = [each.name for each in fields(Delays)]


@pytest.mark.parametrize("name", NAMES)
def test_every_number_has_a_source(name: str) -> None:
    """A number without a source is somebody's guess."""
    delay: Delay = getattr(Delays(), name)

    assert delay.seconds > 0
    assert len(delay.source) > 20


@pytest.mark.parametrize("name", NAMES)
def test_scaling_leaves_no_number_out(name: str) -> None:
    """All are divided by the same factor, or they would change places; the sources stay."""
    once: Delay = getattr(Delays(), name)
    scaled: Delay = getattr(Delays().scaled(4), name)

    assert scaled.seconds == once.seconds / 4
    assert scaled.source == once.source


def test_the_load_balancer_has_let_go_before_the_drain_is_over() -> None:
    """The number that preStop must outlast stays below it, with the stand-in's look at DNS."""
    delays = Delays()
    last_request = delays.endpoints.seconds + delays.deregistration.seconds + 5

    assert last_request < DRAIN_SECONDS
