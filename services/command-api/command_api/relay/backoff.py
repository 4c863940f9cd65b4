"""How long to wait after failures: twice as long each time, with full jitter.

Full: anything between nothing and the limit, so that those who failed together come back apart
(https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
"""

import random
from typing import Final

# The back end is taken for away after so many failures in a row. Fewer would call it away for the
# few inquiries that it cannot digest; each more is one more request to somebody who is down.
AWAY_AFTER: Final = 5


def jittered(failures: int, *, first_seconds: float, most_seconds: float) -> float:
    """Seconds to wait after so many failures, counted from 1."""
    limit = min(most_seconds, first_seconds * 2.0 ** min(failures - 1, 30))
    return random.uniform(0, limit)  # noqa: S311 — no secret


class Backoff:
    """Failures in a row, and the pause they call for."""

    def __init__(self, *, first_seconds: float, most_seconds: float) -> None:
        self._first, self._most = first_seconds, most_seconds
        self.failures = 0

    def failed(self) -> None:
        """One more."""
        self.failures += 1

    def succeeded(self) -> None:
        """None any more."""
        self.failures = 0

    def pause(self) -> float:
        """Seconds; none while nothing failed."""
        if not self.failures:
            return 0.0
        return jittered(self.failures, first_seconds=self._first, most_seconds=self._most)


class Pace:
    """How hard the back end is asked: by all at once while it answers, by one while it does not.

    Why not each inquiry's own backoff alone? Ten thousand that wait for the end of a maintenance
    would ask hundreds of times a second, or, if each waits longer, be delivered long after it.
    """

    def __init__(self, *, at_once: int) -> None:
        self._at_once = at_once
        self._failures = 0
        self._asked_in_vain = Backoff(first_seconds=0.5, most_seconds=10)

    @property
    def away(self) -> bool:
        """Whether the back end is taken for away."""
        return self._failures >= AWAY_AFTER

    @property
    def at_once(self) -> int:
        """How many deliveries may be under way."""
        return 1 if self.away else self._at_once

    def pause(self) -> float:
        """Seconds to wait before the next is begun; longer each time."""
        if not self.away:
            return 0.0
        self._asked_in_vain.failed()
        return self._asked_in_vain.pause()

    def answered(self) -> None:
        """It took one, or refused it: it is there."""
        self._failures = 0
        self._asked_in_vain.succeeded()

    def failed(self) -> None:
        """It did not."""
        self._failures += 1
