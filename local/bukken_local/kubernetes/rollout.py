"""One revision of a Deployment replaces another, as the Deployment controller does it.

Source: kubernetes/kubernetes pkg/controller/deployment (rolling.go, progress.go, sync.go,
rollback.go) and pkg/controller/replicaset. Looked at again and again, like the real one: each look
compares what is with what is wanted, so it matters to none how things came to be as they are.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bukken_local.kubernetes.container import Say
from bukken_local.kubernetes.kubelet import Pod
from bukken_local.kubernetes.replicas import Moment, Release, Replica, ReplicaSet, Tell
from bukken_local.kubernetes.rolling import Limits, plan
from bukken_local.processes.waiting import POLL_SECONDS


class ProgressDeadlineExceeded(Exception):
    """A rollout stands still; the message has the end of the new Pod's log."""


class NothingToUndo(Exception):
    """There is no revision before this one."""


class NoSuchPod(Exception):
    """No Deployment has a Pod of this name that is not stopping."""


class DeploymentController:
    """A Deployment and its Pods. Nothing happens to them but by `reconcile`, `delete` and `end`."""

    def __init__(
        self, name: str, release: Release, *, replicas: int, time_scale: float, say: Say
    ) -> None:
        self.name = name
        self.replicas = replicas
        self._spec = release.spec
        self._time_scale = time_scale
        self._say = say
        self._listeners: list[Tell] = []
        self._ending: dict[Pod, asyncio.Task[None]] = {}
        self._new = ReplicaSet(release.make, revision=1, wanted=replicas)
        self._old: list[ReplicaSet] = []
        self._clock = asyncio.get_running_loop().time
        self._progress = self._figures()
        self._progress_at = self._clock()
        self._told_stalled = False
        list(self._new.missing())  # the first Pods are started by who starts the platform

    @property
    def labels(self) -> Mapping[str, str]:
        """What Services and budgets find its Pods by."""
        return self._spec.template.metadata.labels

    @property
    def revision(self) -> int:
        """Counts up with each release and each undoing."""
        return self._new.revision

    @property
    def pods(self) -> list[Pod]:
        """Those that are wanted, then those that are stopping."""
        return [replica.pod for replica in self._living()] + list(self._ending)

    @property
    def complete(self) -> bool:
        """Whether all Pods are of the newest revision and available."""
        return (
            not any(old.replicas for old in self._old)
            and len(self._new.replicas) == self._new.available == self.replicas
        )

    @property
    def stalled(self) -> bool:
        """Whether nothing has come forward for progressDeadlineSeconds."""
        waited = self._clock() - self._progress_at
        deadline = self._spec.progress_deadline_seconds / self._time_scale
        return not self.complete and waited > deadline

    @contextmanager
    def heard_by(self, tell: Tell) -> Iterator[None]:
        """Within the block somebody hears of each moment."""
        self._listeners.append(tell)
        try:
            yield
        finally:
            self._listeners.remove(tell)

    def apply(self, release: Release) -> None:
        """Begins a rollout, over one that may be under way."""
        self._spec = release.spec
        self._begin(ReplicaSet(release.make, revision=self.revision + 1))

    def undo(self) -> None:
        """Begins to go back to the revision before; what is left of its Pods stays.

        Raises:
            NothingToUndo: this is the first.
        """
        if not self._old:
            raise NothingToUndo(f"{self.name} has had only one release since the platform started")
        former = max(self._old, key=lambda old: old.revision)
        self._old.remove(former)
        former.revision = self.revision + 1
        self._begin(former)

    def delete(self, name: str) -> None:
        """Stops one Pod, as `kubectl delete pod`; its revision makes another at once.

        Raises:
            NoSuchPod: it has none of this name.
        """
        self._stop(self._taken(name))

    def let_go(self, name: str) -> Pod:
        """Forgets one Pod, as when its label is changed: it runs on, and another is made.

        Raises:
            NoSuchPod: it has none of this name.
        """
        return self._taken(name).pod

    def _taken(self, name: str) -> Replica:
        for revision in (self._new, *self._old):
            for replica in revision.replicas:
                if replica.pod.name == name:
                    revision.replicas.remove(replica)
                    return replica
        raise NoSuchPod(f"{self.name} has no Pod {name} that is not stopping")

    def reconcile(self) -> None:
        """Takes the next steps that can be taken now."""
        self._look()
        plan(self._new, old=self._old, limits=self._limits)
        for revision in (self._new, *self._old):
            for replica in revision.missing():
                self._tell(replica.pod, Moment.CREATED)
                replica.start(say=self._say)
            for replica in revision.surplus():
                self._stop(replica)
        self._note_progress()

    async def until_complete(self) -> None:
        """Waits for the end of a rollout.

        Raises:
            ProgressDeadlineExceeded: it stands still. The controller goes on trying, as the real
                one does; the old Pods serve until somebody undoes it.
        """
        while not self.complete:
            if self.stalled:
                raise ProgressDeadlineExceeded(self._why_stalled())
            await asyncio.sleep(POLL_SECONDS)

    async def until_gone(self) -> None:
        """Waits until no Pod is stopping."""
        while self._ending:  # noqa: ASYNC110 — a condition over several tasks sets no Event
            await asyncio.sleep(POLL_SECONDS)

    async def end(self, *, grace_seconds: float) -> None:
        """Stops everything without preStop; nobody may reconcile any more."""
        stopping = dict(self._ending)
        for task in stopping.values():
            task.cancel()
        await asyncio.gather(*stopping.values(), return_exceptions=True)
        everybody = (*self._living(), *map(Replica, stopping))
        await asyncio.gather(
            *(each.end(grace_seconds=grace_seconds, hooks=False) for each in everybody)
        )

    @property
    def _limits(self) -> Limits:
        return Limits.of(self._spec.strategy, replicas=self.replicas)

    def _living(self) -> list[Replica]:
        return [each for revision in (self._new, *self._old) for each in revision.replicas]

    def _look(self) -> None:
        now = self._clock()
        min_ready = self._spec.min_ready_seconds / self._time_scale
        for replica in self._living():
            for moment in replica.look(now=now, min_ready_seconds=min_ready):
                self._tell(replica.pod, moment)

    def _begin(self, revision: ReplicaSet) -> None:
        former = (*self._old, self._new)
        kept = former[-self._spec.revision_history_limit :]
        self._old = [old for old in former if old.replicas or old in kept]
        self._new = revision
        self._progress, self._progress_at = self._figures(), self._clock()

    def _stop(self, replica: Replica) -> None:
        pod = replica.pod
        pod.terminating = True  # now, not when its task has its turn: its Service must not list it
        self._tell(pod, Moment.DRAINING)
        ending = replica.end(grace_seconds=pod.grace_seconds / self._time_scale)
        self._ending[pod] = asyncio.create_task(ending, name=f"the end of {pod.name}")
        self._ending[pod].add_done_callback(lambda ended: self._gone(pod, ended))

    def _gone(self, pod: Pod, ended: asyncio.Task[None]) -> None:
        del self._ending[pod]
        if ended.cancelled():
            return
        if error := ended.exception():
            self._say(f"{pod.name} was not stopped: {error}")
        self._tell(pod, Moment.GONE)

    def _tell(self, pod: Pod, moment: Moment) -> None:
        for tell in tuple(self._listeners):
            tell(pod, moment)

    def _figures(self) -> tuple[int, int, int, int]:
        """What comes forward in a rollout: each of them grows."""
        new = self._new.replicas
        ready = sum(replica.pod.ready for replica in new)
        return len(new), ready, self._new.available, -sum(len(old.replicas) for old in self._old)

    def _note_progress(self) -> None:
        figures = self._figures()
        forward = any(now > was for now, was in zip(figures, self._progress, strict=True))
        if forward or self.complete:
            self._progress_at = self._clock()
        self._progress = figures
        if self.stalled and not self._told_stalled:
            self._say(self._why_stalled())
        self._told_stalled = self.stalled

    def _why_stalled(self) -> str:
        unready = [replica.pod for replica in self._new.replicas if not replica.pod.ready]
        words = "".join(pod.last_words() for pod in unready)
        return (
            f"the rollout of {self.name} stands still (ProgressDeadlineExceeded): "
            f"{len(unready)} of its new Pods not ready; the former ones go on serving\n{words}"
        )
