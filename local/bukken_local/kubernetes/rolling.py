"""How many Pods each revision may have at this moment of a rollout.

Source: kubernetes/kubernetes pkg/controller/deployment/rolling.go, with the same steps in the same
order; util/deployment_util.go for the rounding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from bukken_local.kubernetes.manifests import Strategy
from bukken_local.kubernetes.quantities import resolved
from bukken_local.kubernetes.replicas import ReplicaSet


@dataclass(frozen=True)
class Limits:
    """Between how few available Pods and how many Pods in all a rollout stays."""

    wanted: int
    least_available: int
    most: int

    @classmethod
    def of(cls, strategy: Strategy, *, replicas: int) -> Self:
        """The strategy's, for so many Pods: surge rounded up, unavailable rounded down."""
        rolling = strategy.rolling_update
        surge = resolved(rolling.max_surge, of=replicas, round_up=True)
        unavailable = resolved(rolling.max_unavailable, of=replicas, round_up=False)
        if surge == unavailable == 0:  # two shares, both rounded to nothing
            unavailable = 1
        return cls(replicas, replicas - unavailable, replicas + surge)


def plan(new: ReplicaSet, *, old: Sequence[ReplicaSet], limits: Limits) -> None:
    """Sets how many Pods each revision is to have now."""
    _grow(new, old=old, limits=limits)
    if any(revision.wanted for revision in old):
        _shrink(new, old=old, limits=limits)


def _grow(new: ReplicaSet, *, old: Sequence[ReplicaSet], limits: Limits) -> None:
    room = limits.most - new.wanted - sum(revision.wanted for revision in old)
    new.wanted = min(limits.wanted, new.wanted + max(0, room))


def _shrink(new: ReplicaSet, *, old: Sequence[ReplicaSet], limits: Limits) -> None:
    total = new.wanted + sum(revision.wanted for revision in old)
    spare = total - limits.least_available - (new.wanted - new.available)
    # First who serves nobody: a broken revision's Pods go without waiting for the new ones.
    for revision in old:
        spare -= _give_up(revision, revision.wanted - revision.available, at_most=spare)
    available = new.available + sum(min(each.available, each.wanted) for each in old)
    spare = available - limits.least_available
    for revision in old:
        spare -= _give_up(revision, revision.wanted, at_most=spare)


def _give_up(revision: ReplicaSet, number: int, *, at_most: int) -> int:
    gone = max(0, min(number, at_most))
    revision.wanted -= gone
    return gone
