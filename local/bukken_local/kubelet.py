"""The order in which a Pod starts and stops, as the kubelet keeps it, and who may find it.

Sources: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/ and
…/pods/sidecar-containers/.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from bukken_local.container import BackOff, RunningContainer, Say
from bukken_local.manifests import Container
from bukken_local.processes import until
from bukken_local.sandbox import NAMESPACE, Sandbox

CLUSTER_DOMAIN = f"{NAMESPACE}.svc.cluster.local."


class Pod:
    """One Pod: its native sidecars, then its containers."""

    def __init__(
        self, sandbox: Sandbox, *, say: Say, back_off: Callable[[], BackOff] = BackOff
    ) -> None:
        self.name = sandbox.pod
        self.home = sandbox.home
        self.terminating = False
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
    def ready(self) -> bool:
        """Whether every container, sidecars too, is ready, and nobody has told the Pod to stop."""
        return not self.terminating and all(each.ready for each in self.containers.values())

    async def start(self, *, seconds: float) -> None:
        """Starts each sidecar when the one before it has started, then the containers.

        Raises:
            TimeoutError: a sidecar had not started within these seconds; the kubelet would go on
                waiting, and nobody would be told.
        """
        self._sandbox.lay_out()
        for sidecar in self._sidecars:
            sidecar.start()
            await until(
                lambda sidecar=sidecar: sidecar.started,  # type: ignore[misc]
                seconds=seconds,
                what=f"{sidecar.name} has started",
            )
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
            grace_seconds = self._sandbox.spec.termination_grace_period_seconds
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


class Services:
    """The headless Services: for each Deployment `<name>` and `<name>-mesh`."""

    def __init__(self) -> None:
        self._pods: dict[str, list[Pod]] = {}

    def add(self, name: str, *, pods: Iterable[Pod]) -> None:
        """Makes both Services of a Deployment."""
        self._pods[name] = list(pods)

    def lookup(self, name: str) -> Sequence[str] | None:
        """The addresses behind a DNS name; None if no Service has it."""
        service, _, domain = name.partition(".")
        deployment = service.removesuffix("-mesh")
        if domain != CLUSTER_DOMAIN or deployment not in self._pods:
            return None
        # The mesh's Service has publishNotReadyAddresses: Envoy judges by its own checks, and an
        # empty answer would take all Pods out at once.
        every = service.endswith("-mesh")
        return [
            pod.home.address
            for pod in self._pods[deployment]
            if (pod.exists if every else pod.ready)
        ]
