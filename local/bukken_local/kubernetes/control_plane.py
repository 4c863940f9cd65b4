"""What looks after the Pods of a cluster, all of it on one clock."""

import asyncio
from collections.abc import Iterable
from typing import NoReturn

from bukken_local.kubernetes.delays import Delays
from bukken_local.kubernetes.disruption import Evictions
from bukken_local.kubernetes.kubelet import Pod
from bukken_local.kubernetes.objects import PodDisruptionBudget, Service
from bukken_local.kubernetes.rollout import DeploymentController
from bukken_local.kubernetes.services import Services
from bukken_local.kubernetes.targets import HealthyTargets

LOOK_SECONDS = 0.1  # the real ones act on events; this is short against every number in delays.py


class ControlPlane:
    """The Deployments, the Services, and the load balancer's controller."""

    def __init__(
        self,
        services: Iterable[Service],
        *,
        budgets: Iterable[PodDisruptionBudget],
        delays: Delays,
    ) -> None:
        self.deployments: dict[str, DeploymentController] = {}
        self.services = Services(services, pods_of=self._pods_of, delays=delays)
        self.evictions = Evictions(self.deployments.values(), budgets=tuple(budgets), delays=delays)
        self._clock = asyncio.get_running_loop().time
        self._running: asyncio.Task[NoReturn] | None = None

    @property
    def pods(self) -> list[Pod]:
        """All Pods of all Deployments."""
        return [pod for deployment in self.deployments.values() for pod in deployment.pods]

    @property
    def owners(self) -> dict[str, DeploymentController]:
        """Whose each Pod is that is not stopping."""
        return {
            pod.name: deployment
            for deployment in self.deployments.values()
            for pod in deployment.pods
            if not pod.terminating
        }

    def begin(self, *, healthy: HealthyTargets) -> None:
        """Looks after everything from now on."""
        self._running = asyncio.create_task(self._run(healthy), name="control plane")

    def check(self) -> None:
        """Raises what has ended it, if anything has."""
        if self._running is not None and self._running.done():
            self._running.result()

    async def end(self, *, grace_seconds: float) -> None:
        """Looks after nothing any more, and stops all Pods."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})
        every = self.deployments.values()
        await asyncio.gather(*(each.end(grace_seconds=grace_seconds) for each in every))

    async def _run(self, healthy: HealthyTargets) -> NoReturn:
        while True:
            for deployment in self.deployments.values():
                deployment.reconcile()
            self.services.look()
            for group in self.services.target_groups:
                await group.open_gates(healthy, now=self._clock())
            await asyncio.sleep(LOOK_SECONDS)

    def _pods_of(self, service: Service) -> Iterable[Pod]:
        for deployment in self.deployments.values():
            if service.finds(deployment.labels):
                yield from deployment.pods
