"""Numbers that may be a share: `maxSurge: 1` or `maxSurge: 25%`."""

import math
import re

NumberOrShare = int | str

_SHARE = re.compile(r"(\d+)%")


def resolved(value: NumberOrShare, *, of: int, round_up: bool) -> int:
    """The number that is meant; which way a share is rounded depends on who asks."""
    if isinstance(value, int):
        return value
    exact = share(value) * of / 100
    return math.ceil(exact) if round_up else math.floor(exact)


def share(value: str) -> int:
    """The number before the per cent sign.

    Raises:
        ValueError: it is none; a manifest is refused with this sentence.
    """
    found = _SHARE.fullmatch(value)
    if found is None:
        raise ValueError(f"{value!r} is neither a number nor a percentage")
    return int(found[1])
