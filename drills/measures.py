"""What a run did to its clients, as numbers: of each, less is better."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from drills.answers import KINDS, Answer, of_kinds

DETECTED: Final = "detected"
"""In a drill's `expect`: what may fail until the load balancer's checks have found a Pod out."""

UNANSWERED: Final = "detected-unanswered"
"""The same for a Pod that answers no check, so that each lasts as long as its time-out."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is known of one run when it is over.

    Attributes:
        answers: of all requests, by the time at which they were due.
        began, ended: when the load did, by the machine's monotonic clock.
        fault_began, fault_ended: of what was done to the platform.
        finished: whether what was done came to its end, and all that was written to the feed.
        lost: keys that were acknowledged and are not there.
        doubled: keys that are there more than once.
        wrong: keys that were refused and are there all the same.
        bare: inquiries that were delivered without their listing.
        marks: moments that a step has noted, by their names.
        standstill: seconds for which the machine did, at most.
    """

    answers: Sequence[Answer]
    began: float
    ended: float
    fault_began: float
    fault_ended: float
    finished: bool = True
    lost: Sequence[str] = ()
    doubled: Sequence[str] = ()
    wrong: Sequence[str] = ()
    bare: Sequence[str] = ()
    marks: Mapping[str, float] = field(default_factory=dict)
    standstill: float = 0

    @property
    def impatient(self) -> Sequence[Answer]:
        """Those to clients that never ask again: they see each failure."""
        return [answer for answer in self.answers if not answer.patient]


def _failed(run: Run) -> float:
    return sum(not answer.good for answer in run.impatient)


def _failed_percent(run: Run) -> float:
    return 100 * _failed(run) / max(1, len(run.impatient))


def _failed_percent_of(kind: str) -> Callable[[Run], float]:
    def measure(run: Run) -> float:
        asked = of_kinds(run.impatient, kind)
        return 100 * sum(not answer.good for answer in asked) / max(1, len(asked))

    return measure


def _failed_of(kind: str) -> Callable[[Run], float]:
    def measure(run: Run) -> float:
        return sum(not answer.good for answer in of_kinds(run.impatient, kind))

    return measure


def _patient_failed(run: Run) -> float:
    return sum(not answer.good for answer in run.answers if answer.patient)


def _patient_failed_percent(run: Run) -> float:
    return 100 * _patient_failed(run) / max(1, sum(answer.patient for answer in run.answers))


def _slowest(run: Run) -> float:
    return max((answer.took for answer in run.impatient), default=0)


def _slow_percent(run: Run) -> float:
    return (
        100
        * sum(answer.took > SLOW_SECONDS for answer in run.impatient)
        / max(1, len(run.impatient))
    )


def _gap(run: Run) -> float:
    """Of all kinds, the longest time in which none was answered as it should be."""
    kinds = {answer.kind for answer in run.answers}
    return max((_gap_of(kind, run) for kind in kinds), default=0)


def _gap_of(kind: str, run: Run) -> float:
    asked = of_kinds(run.answers, kind)
    good = sorted(answer.done for answer in asked if answer.good)
    # What is answered after the last request was due says nothing: nobody asked any more.
    moments = [run.began, *(when for when in good if when < run.ended), run.ended]
    return max(after - before for before, after in pairwise(moments))


def _back_to_normal(run: Run) -> float:
    """Seconds from the end of the fault until the last request that was due and did not go well."""
    bad = [a.due for a in run.impatient if not a.good or a.took > SLOW_SECONDS]
    return max(0, max(bad, default=run.fault_ended) - run.fault_ended)


def _first_write(run: Run) -> float:
    """Seconds from the promotion of the standby until the first write that was taken."""
    since = run.marks.get("promoted", run.fault_began)
    good = (a.done for a in of_kinds(run.answers, "writes") if a.good and a.done > since)
    return min(good, default=math.inf) - since


def _delivered(run: Run) -> float:
    """Seconds from the end of the fault until the last inquiry that was accepted is delivered."""
    asked = of_kinds(run.answers, "inquiries")
    return run.marks.get("delivered", math.inf) - run.fault_ended if asked else 0


def _goodput_short_percent(run: Run) -> float:
    """While the fault lasts: what is missing of the capacity for reads that the drill has noted.

    An answer to somebody who has gone is none.
    """
    capacity = run.marks.get("capacity", 0)
    lasted = run.fault_ended - run.fault_began
    reads = [a for a in of_kinds(run.answers, "reads") if a.good and a.took < GONE_SECONDS]
    good = sum(run.fault_began <= answer.done <= run.fault_ended for answer in reads)
    return max(0, 100 * (1 - good / lasted / capacity)) if capacity and lasted else 0


SLOW_SECONDS: Final = 1.0
GONE_SECONDS: Final = 3.0
"""Who has waited so long for a page has left it."""

MEASURES: Final[Mapping[str, Callable[[Run], float]]] = {
    "failed": _failed,
    "failed_percent": _failed_percent,
    **{f"failed_{kind}": _failed_of(kind) for kind in KINDS},
    **{f"failed_{kind}_percent": _failed_percent_of(kind) for kind in KINDS},
    "patient_failed": _patient_failed,
    "patient_failed_percent": _patient_failed_percent,
    "slowest_seconds": _slowest,
    "slow_percent": _slow_percent,
    "gap_seconds": _gap,
    "back_to_normal_seconds": _back_to_normal,
    "first_write_seconds": _first_write,
    "delivered_seconds": _delivered,
    "goodput_short_percent": _goodput_short_percent,
    "lost": lambda run: len(run.lost),
    "doubled": lambda run: len(run.doubled),
    "wrongly_done": lambda run: len(run.wrong),
    "without_listing": lambda run: len(run.bare),
    "unfinished": lambda run: not run.finished,
}
"""By name. Of clients that never ask again, unless the name says otherwise."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One measure of a run beside its bound.

    Attributes:
        measure: its name.
        value: what it was.
        bound: with all lines, what it may be at most; without some, how much more it must be than
            with them.
        more_than: what it was with all lines; None: that is this run.
    """

    measure: str
    value: float
    bound: float
    more_than: float | None = None

    @property
    def holds(self) -> bool:
        """Whether it is as the drill says."""
        if self.more_than is None:
            return self.value <= self.bound
        return self.value >= self.more_than + self.bound

    def __str__(self) -> str:
        if self.more_than is None:
            return f"{self.measure} {self.value:.3g} (≤ {self.bound:.3g})"
        return f"{self.measure} {self.value:.3g} (≥ {self.more_than:.3g} + {self.bound:.3g})"


def verdicts(
    run: Run, bounds: Mapping[str, float], *, more_than: Run | None = None
) -> Iterator[Verdict]:
    """Each bound beside what was measured; of a control, beside what it was with all lines."""
    for name, bound in bounds.items():
        measure = MEASURES[name]
        former = None if more_than is None else measure(more_than)
        yield Verdict(measure=name, value=measure(run), bound=bound, more_than=former)


def lost_until_detected(*, a_second: float, pods: int, seconds: float) -> float:
    """How many requests may fail when a Pod dies unannounced behind the load balancer.

    What is in flight (one for each connection that is busy: at these rates a handful), and the
    Pod's share of what comes until the checks have found it out.

    Args:
        a_second: requests by clients that never ask again.
        pods: how many share them.
        seconds: unhealthy_threshold checks and the last one's time-out, as the file says; with the
            time-out of each where none is answered, since the next is not sent before.
    """
    in_flight = math.ceil(a_second * SLOW_SECONDS / pods / 10)
    return math.ceil(a_second / pods * seconds) + in_flight
