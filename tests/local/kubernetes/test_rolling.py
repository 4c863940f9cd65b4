import pytest

from bukken_local.kubernetes.manifests import RollingUpdate, Strategy
from bukken_local.kubernetes.quantities import resolved
from bukken_local.kubernetes.rolling import Limits


def limits(surge: int | str, unavailable: int | str, *, replicas: int) -> tuple[int, int]:
    """How many Pods must be available, and how many there may be, during a rollout."""
    rolling = RollingUpdate(max_surge=surge, max_unavailable=unavailable)
    found = Limits.of(Strategy(rolling_update=rolling), replicas=replicas)
    return found.least_available, found.most


@pytest.mark.parametrize(
    ("surge", "unavailable", "replicas", "expected"),
    [
        (1, 0, 3, (3, 4)),
        ("25%", "25%", 4, (3, 5)),
        ("25%", "25%", 10, (8, 13)),
        ("50%", 0, 3, (3, 5)),
    ],
)
def test_surge_is_rounded_up_and_unavailable_down(
    surge: int | str, unavailable: int | str, replicas: int, expected: tuple[int, int]
) -> None:
    """A share that is no whole number errs on the side of more Pods."""
    assert limits(surge, unavailable, replicas=replicas) == expected


def test_shares_that_both_round_to_nothing_leave_a_rollout_possible() -> None:
    """No surge and 25 % of two Pods would stand still for ever: one may then be unavailable."""
    assert limits("0%", "25%", replicas=2) == (1, 2)


def test_what_is_no_share_is_named() -> None:
    """A word in place of a number is refused with that word."""
    with pytest.raises(ValueError, match="'most' is neither a number nor a percentage"):
        resolved("most", of=3, round_up=True)
