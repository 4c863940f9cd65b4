"""What people and controllers do to Pods on purpose."""

import asyncio
from collections.abc import Collection

from bukken_local.kubernetes.rollout import DeploymentController
from bukken_local.processes.waiting import until
from drills.lines import Line
from drills.stage import Stage
from drills.steps.doing import Deployment, Doing


class Roll(Doing, frozen=True, tag="roll"):
    """A rolling update.

    Attributes:
        lines: what the release changes.
        seconds: after so many it counts as stuck.
        waits: whether for its end; `complete` may do so later.
    """

    deployments: tuple[Deployment, ...]
    lines: tuple[Line, ...] = ()
    seconds: float = 150
    waits: bool = True

    @property
    def changes(self) -> tuple[Line, ...]:
        """Those of the release."""
        return self.lines

    async def __call__(self, stage: Stage) -> None:
        """Applies, and waits until the former Pods are gone, unless it does not wait."""
        controllers = _controllers(stage, self.deployments)
        for name, controller in controllers.items():
            controller.apply(stage.release(name, lines=self.lines))
        if self.waits:
            await _rolled_out(controllers.values(), seconds=self.seconds)


class BadRelease(Doing, frozen=True, tag="bad-release"):
    """A rolling update that must stop by itself; it is undone then, as `make release` does."""

    deployment: Deployment
    lines: tuple[Line, ...]
    seconds: float = 120

    @property
    def changes(self) -> tuple[Line, ...]:
        """Those of the release."""
        return self.lines

    async def __call__(self, stage: Stage) -> None:
        """Waits until it has stopped, and the former release is whole again."""
        controller = _controllers(stage, (self.deployment,))[self.deployment]
        controller.apply(stage.release(self.deployment, lines=self.lines))
        await until(
            lambda: controller.stalled or controller.complete,
            seconds=self.seconds,
            what="the release stops, or goes through",
        )
        went_through = controller.complete
        controller.undo()
        await _rolled_out([controller], seconds=self.seconds)
        if went_through:
            raise TimeoutError("nothing stopped the bad release")


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
    """Nodes are drained together; on each of them is one Pod of each Deployment."""

    nodes: int = 1
    seconds: float = 120

    async def __call__(self, stage: Stage) -> None:
        """Waits until all are gone and others are there."""
        control_plane = stage.control_plane
        on_them = (stage.pods(name)[: self.nodes] for name in control_plane.deployments)
        names = [pod.name for pods in on_them for pod in pods]
        async with asyncio.timeout(self.seconds):
            await control_plane.evictions.drain(names)
            for controller in control_plane.deployments.values():
                await controller.until_complete()


async def _rolled_out(controllers: Collection[DeploymentController], *, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        await asyncio.gather(*(each.until_complete() for each in controllers))
        await asyncio.gather(*(each.until_gone() for each in controllers))


def _controllers(stage: Stage, names: tuple[str, ...]) -> dict[str, DeploymentController]:
    deployments = stage.control_plane.deployments
    return {name: deployments[name] for name in names}
