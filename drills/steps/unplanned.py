"""What happens to Pods."""

import signal
from typing import Literal

from bukken_local.processes.waiting import until
from drills.stage import Stage
from drills.steps.doing import Deployment, Doing


class Kill(Doing, frozen=True, tag="kill"):
    """A container of the first Pod is killed; the kubelet starts it again."""

    deployment: Deployment
    container: Literal["app", "envoy"]
    seconds: float = 60

    async def __call__(self, stage: Stage) -> None:
        """Waits until the Pod is ready again."""
        pod = stage.pods(self.deployment)[0]
        container = pod.containers[self.container]
        restarts = container.restarts
        container.send_signal(signal.SIGKILL)
        await until(
            lambda: container.restarts > restarts and pod.ready,
            seconds=self.seconds,
            what=f"{pod.name} is ready again",
        )


class Hang(Doing, frozen=True, tag="hang"):
    """A container of the first Pod hangs (SIGSTOP) until its liveness probe has it restarted."""

    deployment: Deployment
    container: Literal["app", "envoy"]
    seconds: float = 120

    async def __call__(self, stage: Stage) -> None:
        """Waits until the Pod is ready again, or the seconds are over."""
        pod = stage.pods(self.deployment)[0]
        container = pod.containers[self.container]
        restarts = container.restarts
        container.send_signal(signal.SIGSTOP)
        await until(
            lambda: container.restarts > restarts and pod.ready,
            seconds=self.seconds,
            what=f"{pod.name} is ready again",
        )
