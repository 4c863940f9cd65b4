"""A set that follows another one late, as a cluster's parts follow each other."""

from collections.abc import Iterable


class Late:
    """What somebody knows of a set of addresses who learns of each change some seconds later.

    No debouncing: a member that goes for a moment is seen to go, only later. Changes of one address
    arrive in the order in which they happened, however different the two delays are.
    """

    def __init__(self, *, joins_seconds: float, leaves_seconds: float) -> None:
        self._seconds = {True: joins_seconds, False: leaves_seconds}
        self._truth: frozenset[str] = frozenset()
        self._known: frozenset[str] = frozenset()
        self._coming: list[tuple[float, str]] = []  # when, and whose membership turns round

    @property
    def known(self) -> frozenset[str]:
        """As it was last looked at."""
        return self._known

    def look(self, truth: Iterable[str], *, now: float) -> frozenset[str]:
        """Notes what is true at this moment, and gives what is known at it."""
        truth = frozenset(truth)
        for address in self._truth ^ truth:
            due = now + self._seconds[address in truth]
            earlier = (when for when, other in self._coming if other == address)
            self._coming.append((max(due, *earlier, due), address))
        self._truth = truth
        self._known ^= self._turned(now)
        return self._known

    def catch_up(self, truth: Iterable[str]) -> None:
        """Makes it know all at once: it was told, or has just been made."""
        self._truth = self._known = frozenset(truth)
        self._coming.clear()

    def _turned(self, now: float) -> frozenset[str]:
        turned: frozenset[str] = frozenset()
        for _, address in (each for each in self._coming if each[0] <= now):
            turned ^= {address}
        self._coming = [each for each in self._coming if each[0] > now]
        return turned
