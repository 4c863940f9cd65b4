"""Steady traffic within the cluster, as a test sees it."""

from collections import Counter

from kind.cluster import Cluster
from kind.watching import Stream
from steady_traffic import READS, WRITES

from k8s.release.kubectl import NAMESPACE

# A listing is made once, and by a second run of the tests found unchanged.
GOOD = {READS: {"200"}, WRITES: {"200", "201"}}
RATES = {READS: 12, WRITES: 6}
"""A second: enough that a gap of half a second shows; a node of two cores does all else too."""


class Traffic:
    """What the Pod `load` has got for answers: each second it says it in a line."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._stream = Stream("logs", "--follow", f"--namespace={NAMESPACE}", "load")
        self._taken = 0
        self.take()

    def close(self) -> None:
        """No more is read."""
        self._stream.close()

    def take(self) -> dict[str, Counter[str]]:
        """All answers since the last time; first those come in that were on their way."""
        enough = len(self._stream.seen) + 3
        self._cluster.until(
            lambda: len(self._stream.seen) >= enough, what="traffic goes on", seconds=60
        )
        new, self._taken = self._stream.seen[self._taken : enough], enough
        return {
            kind: sum((Counter[str](each.what[kind]) for each in new), Counter[str]())
            for kind in (READS, WRITES)
        }


def failed(answers: dict[str, Counter[str]]) -> dict[str, int]:
    """How many requests of each kind did not get the answer they should."""
    return {
        kind: sum(times for answer, times in found.items() if answer not in GOOD[kind])
        for kind, found in answers.items()
    }


def told(answers: dict[str, Counter[str]]) -> str:
    """In words, for the page of figures."""
    asked = sum(found.total() for found in answers.values())
    return f"{sum(failed(answers).values())} of {asked:,} requests failed"
