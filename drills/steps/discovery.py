"""What happens to the ways in which Pods are found."""

import asyncio
import signal
from typing import Literal

from bukken_local.kubernetes.services import Outage
from drills.stage import Stage
from drills.steps.doing import Deployment, Doing


class Dns(Doing, frozen=True, tag="dns"):
    """From now on DNS gives Envoys nothing, or says that it cannot tell; or it answers again."""

    answers: Literal["empty", "servfail", "again"]

    async def __call__(self, stage: Stage) -> None:
        """Begins; does not wait."""
        services = stage.control_plane.services
        stage.undoing.callback(setattr, services, "outage", None)
        services.outage = None if self.answers == "again" else Outage(self.answers)


class Quarantine(Doing, frozen=True, tag="quarantine"):
    """Somebody changes a Pod's label to look into it.

    The Pod leaves its Services and runs on; its Deployment makes another.

    Attributes:
        seconds: that pass then, until the other is there and everybody might know of both.
    """

    deployment: Deployment
    seconds: float = 8

    async def __call__(self, stage: Stage) -> None:
        """Lets go of it, and waits so long."""
        controller = stage.control_plane.deployments[self.deployment]
        stage.apart.append(controller.let_go(stage.pods(self.deployment)[0].name))
        await asyncio.sleep(self.seconds)


class Debug(Doing, frozen=True, tag="debug"):
    """A debugger holds the app of the Pod that was taken out."""

    seconds: float

    async def __call__(self, stage: Stage) -> None:
        """Waits until it lets go."""
        app = stage.apart[-1].containers["app"]
        app.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            app.send_signal(signal.SIGCONT)


class DeleteAll(Doing, frozen=True, tag="delete-all"):
    """All Pods of a Deployment are deleted at once, as `kubectl delete pods -l` does it.

    No budget is asked: that is for evictions alone.
    """

    deployment: Deployment
    seconds: float = 90

    async def __call__(self, stage: Stage) -> None:
        """Waits until they are gone and others are there."""
        controller = stage.control_plane.deployments[self.deployment]
        for pod in stage.pods(self.deployment):
            controller.delete(pod.name)
        async with asyncio.timeout(self.seconds):
            await controller.until_gone()
            await controller.until_complete()
