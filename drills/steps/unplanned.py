"""What happens to Pods."""

import asyncio
import signal
from collections.abc import Callable
from typing import Literal

from bukken_local.kubernetes.container import RunningContainer
from bukken_local.kubernetes.kubelet import Pod
from bukken_local.processes.waiting import until
from drills.stage import Stage
from drills.steps.doing import Deployment, Doing


class ToContainer(Doing, frozen=True):
    """What happens to a container of one Pod.

    Attributes:
        pod: which of the Deployment's, counted from 0.
    """

    deployment: Deployment
    container: Literal["app", "envoy"]
    pod: int = 0

    def of(self, stage: Stage) -> tuple[Pod, RunningContainer]:
        """The Pod and its container."""
        pod = stage.pods(self.deployment)[self.pod]
        return pod, pod.containers[self.container]


class Kill(ToContainer, frozen=True, tag="kill"):
    """A container is killed; the kubelet starts it again."""

    seconds: float = 60

    async def __call__(self, stage: Stage) -> None:
        """Waits until the Pod is ready again."""
        pod, container = self.of(stage)
        again = _started_again(container)
        container.send_signal(signal.SIGKILL)
        what = f"{pod.name} is ready again"
        await until(lambda: again() and pod.ready, seconds=self.seconds, what=what)


class Hang(ToContainer, frozen=True, tag="hang"):
    """A container hangs (SIGSTOP) until its liveness probe has it restarted.

    Attributes:
        until: that its Pod is ready; or only that it has been started again.
    """

    until: Literal["ready", "started"] = "ready"
    seconds: float = 120

    async def __call__(self, stage: Stage) -> None:
        """Waits until then."""
        pod, container = self.of(stage)
        again = _started_again(container)
        container.send_signal(signal.SIGSTOP)
        what = f"{pod.name} is {self.until} again"
        await until(
            lambda: again() and (pod.ready or self.until == "started"),
            seconds=self.seconds,
            what=what,
        )


class Stall(ToContainer, frozen=True, kw_only=True, tag="stall"):
    """A container does nothing for some seconds, and then goes on as if nothing had been."""

    seconds: float

    async def __call__(self, stage: Stage) -> None:
        """Waits until it goes on."""
        _, container = self.of(stage)
        container.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            container.send_signal(signal.SIGCONT)


def _started_again(container: RunningContainer) -> Callable[[], bool]:
    """Asks whether it is another process than now, and has started."""
    restarts = container.restarts
    return lambda: container.restarts > restarts and container.started
