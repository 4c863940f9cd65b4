"""What people and controllers do to Pods on purpose."""

import asyncio

from bukken_local.kubernetes.rollout import DeploymentController
from bukken_local.processes.waiting import until
from drills.stage import Stage
from drills.steps.doing import Deployment, Doing


class Roll(Doing, frozen=True, tag="roll"):
    """A rolling update, to the same lines; `seconds` is when it counts as standing still."""

    deployments: tuple[Deployment, ...]
    seconds: float = 150

    async def __call__(self, stage: Stage) -> None:
        """Applies, and waits until the former Pods are gone."""
        controllers = _controllers(stage, self.deployments)
        for name, controller in controllers.items():
            controller.apply(stage.platform.made.release(name))
        async with asyncio.timeout(self.seconds):
            await asyncio.gather(*(each.until_complete() for each in controllers.values()))
            await asyncio.gather(*(each.until_gone() for each in controllers.values()))


class Scale(Doing, frozen=True, tag="scale"):
    """Another number of Pods."""

    deployment: Deployment
    to: int
    seconds: float = 90

    async def __call__(self, stage: Stage) -> None:
        """Waits until the Pods that are too many are gone."""
        controller = _controllers(stage, (self.deployment,))[self.deployment]
        controller.replicas = self.to
        await until(lambda: controller.complete, seconds=self.seconds, what="as many as wanted")
        async with asyncio.timeout(self.seconds):
            await controller.until_gone()


class Delete(Doing, frozen=True, tag="delete"):
    """A Pod is deleted; its Deployment makes another."""

    deployment: Deployment
    seconds: float = 90

    async def __call__(self, stage: Stage) -> None:
        """Waits until it is gone and the other is there."""
        controller = _controllers(stage, (self.deployment,))[self.deployment]
        controller.delete(stage.pods(self.deployment)[0].name)
        async with asyncio.timeout(self.seconds):
            await controller.until_gone()
            await controller.until_complete()


class Drain(Doing, frozen=True, tag="drain"):
    """A node is drained: the first Pod of each Deployment is evicted, all at once."""

    seconds: float = 120

    async def __call__(self, stage: Stage) -> None:
        """Waits until all are gone and others are there."""
        control_plane = stage.control_plane
        names = [stage.pods(name)[0].name for name in control_plane.deployments]
        async with asyncio.timeout(self.seconds):
            await control_plane.evictions.drain(names)
            for controller in control_plane.deployments.values():
                await controller.until_complete()


def _controllers(stage: Stage, names: tuple[str, ...]) -> dict[str, DeploymentController]:
    deployments = stage.control_plane.deployments
    return {name: deployments[name] for name in names}
