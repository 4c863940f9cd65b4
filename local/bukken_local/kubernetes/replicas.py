"""A ReplicaSet: as many Pods of one revision as it is told, as its controller keeps them."""

import asyncio
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from bukken_local.kubernetes.container import Say
from bukken_local.kubernetes.kubelet import Pod
from bukken_local.kubernetes.manifests import DeploymentSpec
from bukken_local.kubernetes.reading import ManifestNotUnderstood


class Moment(StrEnum):
    """What happens to a Pod in a rollout, in this order."""

    CREATED = "created"
    SERVES = "serves; the load balancer has still to find it healthy"
    READY = "ready"
    AVAILABLE = "available"
    DRAINING = "told to stop; draining"
    GONE = "gone"


Tell = Callable[[Pod, Moment], None]
"""Tells of a moment when it comes."""

NOT_STARTED = (OSError, ManifestNotUnderstood)


@dataclass(frozen=True)
class Release:
    """What is applied: how to roll out, and how to make a Pod of it by its name."""

    spec: DeploymentSpec
    make: Callable[[], Pod]


@dataclass
class Replica:
    """A Pod and what its ReplicaSet has seen of it."""

    pod: Pod
    seen: set[Moment] = field(default_factory=set)
    _ready_since: float | None = None
    _starting: asyncio.Task[None] | None = None

    @property
    def available(self) -> bool:
        """Whether it has been ready for minReadySeconds, and is."""
        return Moment.AVAILABLE in self.seen and self.pod.ready

    def start(self, *, say: Say) -> None:
        """Starts it; it may take as long as it likes, the progress deadline is another's."""
        self._starting = asyncio.create_task(_start(self.pod, say=say), name=self.pod.name)

    def look(self, *, now: float, min_ready_seconds: float) -> Iterator[Moment]:
        """The moments that have come since the last look."""
        if not self.pod.ready:
            self._ready_since = None
            self.seen -= {Moment.READY, Moment.AVAILABLE}
            if self.pod.containers_ready:
                yield from self._first(Moment.SERVES)
            return
        if self._ready_since is None:
            self._ready_since = now
        yield from self._first(Moment.READY)
        if now - self._ready_since >= min_ready_seconds:
            yield from self._first(Moment.AVAILABLE)

    def _first(self, moment: Moment) -> Iterator[Moment]:
        if moment not in self.seen:
            self.seen.add(moment)
            yield moment

    async def end(self, *, grace_seconds: float | None, hooks: bool = True) -> None:
        """Stops it, wherever in its start it is."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait({self._starting})
        await self.pod.stop(grace_seconds=grace_seconds, hooks=hooks)


async def _start(pod: Pod, *, say: Say) -> None:
    try:
        await pod.start(seconds=math.inf)
    except NOT_STARTED as reason:
        say(f"{pod.name} cannot be started: {reason}")


@dataclass
class ReplicaSet:
    """One revision of a Deployment."""

    make: Callable[[], Pod]
    revision: int
    wanted: int = 0
    replicas: list[Replica] = field(default_factory=list)

    @property
    def available(self) -> int:
        """How many of its Pods are available."""
        return sum(replica.available for replica in self.replicas)

    def missing(self) -> Iterator[Replica]:
        """Makes the Pods that it lacks."""
        while len(self.replicas) < self.wanted:
            self.replicas.append(Replica(self.make()))
            yield self.replicas[-1]

    def surplus(self) -> Iterator[Replica]:
        """Gives up the Pods that it has too many of: first who is not ready, then the youngest."""
        youngest_first = self.replicas[::-1]
        by_worth = sorted(youngest_first, key=lambda replica: replica.pod.ready)
        for replica in by_worth[: max(0, len(self.replicas) - self.wanted)]:
            self.replicas.remove(replica)
            yield replica
