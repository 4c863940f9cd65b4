"""What happens to those that the platform depends on: the back end, the issuer, DNS."""

import asyncio
import signal
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import httpx

from bukken_local.legacy.behaviour import Deed
from bukken_local.processes.waiting import until
from drills.stage import Stage
from drills.steps.doing import Deployment, Doing


class BackEnd(Doing, frozen=True, tag="back-end"):
    """The back end does something for some seconds, and then serves."""

    does: Deed
    seconds: float

    async def __call__(self, stage: Stage) -> None:
        """Waits until it serves again."""
        stage.undoing.push_async_callback(_tell_back_end, stage, [])
        await _tell_back_end(stage, [{"does": self.does, "seconds": self.seconds}])
        await asyncio.sleep(self.seconds)


async def _tell_back_end(stage: Stage, phases: Sequence[Mapping[str, Any]]) -> None:
    """What it does from now on; after the last it serves."""
    url = f"{stage.platform.back_end_control_url}/behaviour"
    async with httpx.AsyncClient(trust_env=False) as client:
        (await client.put(url, json=phases)).raise_for_status()


class Issuer(Doing, frozen=True, tag="issuer"):
    """The issuer of tokens answers nobody any more (SIGSTOP), or is itself again."""

    to: Literal["away", "back"]

    async def __call__(self, stage: Stage) -> None:
        """Does not wait for what becomes of it."""
        issuer = stage.stand_in("issuer").containers["issuer"]
        stage.undoing.callback(issuer.send_signal, signal.SIGCONT)
        issuer.send_signal(signal.SIGSTOP if self.to == "away" else signal.SIGCONT)


class Controller(Doing, frozen=True, tag="controller"):
    """The load balancer's controller is away: no target is registered, none let go, no gate opened.

    Its node is lost, its credentials have expired, AWS throttles it. The load balancer itself
    serves, and checks, whom it knows.
    """

    to: Literal["away", "back"]

    async def __call__(self, stage: Stage) -> None:
        """Does not wait for what becomes of it."""
        services = stage.control_plane.services
        stage.undoing.callback(setattr, services, "controller_away", False)
        services.controller_away = self.to == "away"


class Begin(Doing, frozen=True, tag="begin"):
    """A Pod is deleted, and another begins in its place: it cannot be complete yet."""

    deployment: Deployment
    seconds: float = 60

    async def __call__(self, stage: Stage) -> None:
        """Waits until the former is gone, and not for the other."""
        controller = stage.control_plane.deployments[self.deployment]
        controller.delete(stage.pods(self.deployment)[0].name)
        async with asyncio.timeout(self.seconds):
            await controller.until_gone()


class Complete(Doing, frozen=True, tag="complete"):
    """Waits until a Deployment has as many ready Pods as it wants."""

    deployment: Deployment
    seconds: float = 90

    async def __call__(self, stage: Stage) -> None:
        """As it says."""
        controller = stage.control_plane.deployments[self.deployment]
        what = f"{self.deployment} is complete"
        await until(lambda: controller.complete, seconds=self.seconds, what=what)
