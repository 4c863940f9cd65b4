"""What happens to the ways in which Pods are found."""

import asyncio
import signal
from typing import Literal

from bukken_local.kubernetes.services import Outage
from drills.stage import QUICK_SECONDS, Stage
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
    """Somebody changes a Pod's label to look into it, and then holds its app with a debugger.

    The Pod leaves its Services and runs on; its Deployment makes another.

    Attributes:
        seconds: from then until the debugger.
        held_seconds: how long it holds the app.
    """

    deployment: Deployment
    seconds: float = 8
    held_seconds: float = 5

    async def __call__(self, stage: Stage) -> None:
        """Waits until the Pod is no more."""
        controller = stage.control_plane.deployments[self.deployment]
        pod = controller.let_go(stage.pods(self.deployment)[0].name)
        try:
            await asyncio.sleep(self.seconds)
            pod.containers["app"].send_signal(signal.SIGSTOP)
            await asyncio.sleep(self.held_seconds)
        finally:
            pod.containers["app"].send_signal(signal.SIGCONT)
            await pod.stop(grace_seconds=QUICK_SECONDS, hooks=False)


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
