"""The order in which a Pod starts and stops, as the kubelet keeps it, and who may find it.

Sources: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/ and
…/pods/sidecar-containers/.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from bukken_local.kubernetes.container import BackOff, RunningContainer, Say
from bukken_local.kubernetes.manifests import Container
from bukken_local.kubernetes.sandbox import Sandbox


class Pod:
    """One Pod: its native sidecars, then its containers."""

    def __init__(
        self, sandbox: Sandbox, *, say: Say, back_off: Callable[[], BackOff] = BackOff
    ) -> None:
        self.name = sandbox.pod
        self.home = sandbox.home
        self.terminating = False
        self.gate_open = True
        """False while somebody else (the load balancer's controller) has still to say yes."""
        self._sandbox = sandbox

        def made(containers: Sequence[Container]) -> list[RunningContainer]:
            return [
                RunningContainer(container, sandbox=sandbox, say=say, back_off=back_off())
                for container in containers
            ]

        self._sidecars = made(sandbox.spec.init_containers)
        self._apps = made(sandbox.spec.containers)

    @property
    def containers(self) -> Mapping[str, RunningContainer]:
        """Its containers by name, in the order in which they start."""
        return {
            container.name.partition("/")[2]: container
            for container in (*self._sidecars, *self._apps)
        }

    @property
    def exists(self) -> bool:
        """Whether anything of it runs."""
        return any(container.running for container in self.containers.values())

    @property
    def containers_ready(self) -> bool:
        """Whether every container, sidecars too, is ready, and nobody has told the Pod to stop."""
        return not self.terminating and all(each.ready for each in self.containers.values())

    @property
    def ready(self) -> bool:
        """Whether its containers are ready and its readiness gate, if it has one, is open."""
        return self.gate_open and self.containers_ready

    @property
    def grace_seconds(self) -> float:
        """What its manifest gives it to stop in."""
        return self._sandbox.spec.termination_grace_period_seconds

    def renew_secret(self, name: str, files: Mapping[str, str]) -> None:
        """Its volumes of this Secret hold something else from now on."""
        self._sandbox.renew_secret(name, files)

    def last_words(self) -> str:
        """The end of the log of each container that is not ready: apps first, they know why."""
        unready = (each for each in (*self._apps, *self._sidecars) if not each.ready)
        return "".join(f"{each.name}:\n{each.last_words()}" for each in unready)

    async def start(self, *, seconds: float) -> None:
        """Starts each sidecar when the one before it has started, then the containers.

        Raises:
            TimeoutError: a sidecar had not started within these seconds; the kubelet would go on
                waiting, and nobody would be told.
        """
        self._sandbox.lay_out()
        for sidecar in self._sidecars:
            sidecar.start()
            await sidecar.until_started(seconds=seconds)
        for app in self._apps:
            app.start()

    async def stop(self, *, grace_seconds: float | None = None, hooks: bool = True) -> None:
        """Stops the containers, then the sidecars, last first; the grace is for all of it.

        Args:
            grace_seconds: another grace than the Pod's own.
            hooks: False leaves out preStop, for when there is nothing left to drain.
        """
        self.terminating = True  # leaves its Service at once, before anybody is signalled
        everybody = self.containers.values()
        await asyncio.gather(*(container.stop_watching() for container in everybody))
        if grace_seconds is None:
            grace_seconds = self.grace_seconds
        deadline = asyncio.get_running_loop().time() + grace_seconds
        # A sidecar's preStop runs at once; only its TERM waits until the containers are gone.
        drained = [each.run_hook(deadline=deadline) for each in self._sidecars if hooks]
        ended = [_stop(app, deadline=deadline, hooks=hooks) for app in self._apps]
        await asyncio.gather(*drained, *ended)
        for sidecar in reversed(self._sidecars):
            await sidecar.end(deadline=deadline)


async def _stop(container: RunningContainer, *, deadline: float, hooks: bool) -> None:
    if hooks:
        await container.run_hook(deadline=deadline)
    await container.end(deadline=deadline)
