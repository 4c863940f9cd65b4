"""A Deployment of small programs, looked after as on the platform; a test tells who is ready."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import yaml
from staged_pod import HOOK, PROGRAM, own_home

from bukken_local.kubernetes.control_plane import LOOK_SECONDS
from bukken_local.kubernetes.kubelet import Pod
from bukken_local.kubernetes.manifests import Deployment, read_deployment
from bukken_local.kubernetes.replicas import Moment, Release
from bukken_local.kubernetes.rollout import DeploymentController
from bukken_local.kubernetes.sandbox import Sandbox
from bukken_local.processes.waiting import until

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: thing}}
spec:
  strategy: {{type: RollingUpdate, rollingUpdate: {{maxSurge: 1, maxUnavailable: 0}}}}
  minReadySeconds: 0
  progressDeadlineSeconds: 5
  template:
    metadata: {{labels: {{name: thing}}}}
    spec:
      terminationGracePeriodSeconds: 3
      containers:
      - name: app
        image: x
        command: [python, "{here}/program.py", app, "{address}", "8000"]
        env: [{{name: HERE, value: "{here}"}}]
        readinessProbe:
          httpGet: {{path: /ready, port: 8000}}
          periodSeconds: 1
          failureThreshold: 1
        lifecycle:
          preStop: {{exec: {{command: [python, "{here}/hook.py", "0.3"]}}}}
"""

Story = Callable[["StagedDeployment"], Awaitable[None]]


@dataclass
class StagedDeployment:
    """Two Pods, thing-1 and thing-2, and all that has happened."""

    here: Path
    strategy: dict[str, object]
    said: list[str] = field(default_factory=list)
    moments: list[tuple[str, Moment]] = field(default_factory=list)
    at: dict[tuple[str, Moment], float] = field(default_factory=dict)
    looks: list[tuple[int, int]] = field(default_factory=list)
    """At each look: how many Pods are not stopping, and how many are ready."""
    controller: DeploymentController = field(init=False)
    everybody: list[Pod] = field(default_factory=list)
    """Who a story wants to be looked at afterwards."""
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def release(self, *, good: bool = True) -> Release:
        """One whose Pods become ready, or never do."""
        spec = self._read(self.here, address="127.0.0.1").spec
        return Release(spec, lambda: self._make(good=good))

    def unready(self, pod: str) -> None:
        """From now on its readiness probe fails."""
        (self.here / pod / "app-ready").unlink()

    def pod(self, name: str) -> Pod:
        """The Pod of this name."""
        return next(pod for pod in self.controller.pods if pod.name == name)

    def happened(self, pod: str) -> list[Moment]:
        """What has happened to a Pod, in order."""
        return [moment for name, moment in self.moments if name == pod]

    async def until(self, pod: str, moment: Moment) -> None:
        """Waits for a moment of a Pod."""
        await until(lambda: (pod, moment) in self.at, seconds=30, what=f"{pod} {moment}")

    async def look_for_ever(self) -> None:
        """What the control plane does, and a note of what it saw."""
        while True:
            self.controller.reconcile()
            living = [pod for pod in self.controller.pods if not pod.terminating]
            self.looks.append((len(living), sum(pod.ready for pod in living)))
            await asyncio.sleep(LOOK_SECONDS)

    def tell(self, pod: Pod, moment: Moment) -> None:
        """Notes a moment."""
        self.moments.append((pod.name, moment))
        self.at[pod.name, moment] = time.monotonic()

    def _read(self, here: Path, *, address: str) -> Deployment:
        document = yaml.safe_load(MANIFEST.format(here=here, address=address))
        document["spec"].update(self.strategy)
        return read_deployment(yaml.safe_dump(document), source=Path("thing.yaml"))

    def _make(self, *, good: bool) -> Pod:
        number = next(self._numbers)
        here, home = self.here / f"thing-{number}", own_home(20 + number)
        here.mkdir()
        (here / "program.py").write_text(PROGRAM)
        (here / "hook.py").write_text(HOOK)
        if good:
            (here / "app-ready").touch()
        sandbox = Sandbox(
            pod=f"thing-{number}",
            home=home,
            directory=here / "pod",
            logs=here / "logs",
            state_file=self.here / "children",
            spec=self._read(here, address=home.address).pod,
        )
        return Pod(sandbox, say=self.said.append)


def play(story: Story, *, here: Path, **strategy: object) -> StagedDeployment:
    """Starts two Pods, lets the story have its way with them, and clears up.

    `strategy` replaces fields of the Deployment's spec above.
    """

    async def run() -> StagedDeployment:
        stage = StagedDeployment(here=here, strategy=strategy)
        stage.controller = controller = DeploymentController(
            "thing", stage.release(), replicas=2, time_scale=1, say=stage.said.append
        )
        await asyncio.gather(*(pod.start(seconds=10) for pod in controller.pods))
        looking = asyncio.create_task(stage.look_for_ever())
        try:
            await until(
                lambda: controller.complete, seconds=30, what="the first Pods are available"
            )
            stage.looks.clear()
            with controller.heard_by(stage.tell):
                await story(stage)
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
            await controller.end(grace_seconds=1)
        return stage

    return asyncio.run(run())
