"""The platform that a drill happens to: with the true lines, or with some of them changed."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from bukken_local.database.endpoint import Address, Endpoint
from bukken_local.kubernetes.control_plane import ControlPlane
from bukken_local.kubernetes.kubelet import Pod
from bukken_local.kubernetes.objects import PodDisruptionBudget, Service
from bukken_local.kubernetes.replicas import Release
from bukken_local.kubernetes.rollout import DeploymentController
from bukken_local.kubernetes.sandbox import ADMIN_PORT
from bukken_local.kubernetes.targets import healthy_targets
from bukken_local.platform import Platform
from bukken_local.pods import DEPLOYMENTS, PODS_EACH, SERVING
from bukken_local.processes.child import Child
from bukken_local.processes.waiting import until
from bukken_local.start import running
from bukken_local.state import State
from bukken_local.terminal import Terminal
from drills.lines import Alter, Line, alterations
from drills.python_lines import as_of_the_pods

READY_SECONDS: Final = 60
QUICK_SECONDS: Final = 1.0
ALB_FILE: Final = "envoy/alb.yaml"
RELAY: Final = "inquiry-relay"


@dataclass
class Stage:
    """A running platform, and what a drill has done to it.

    Attributes:
        platform: the whole of it.
        time_scale: of its waits.
        replicas: how many Pods of each Deployment.
        marks: moments that a step wants to be known, by the machine's monotonic clock.
        load: the process that sends it, while it does.
        apart: Pods that their Deployments have let go, and that run on.
        undoing: what undoes what a step has done outside the Pods, whatever became of the step.
    """

    platform: Platform
    time_scale: float
    replicas: Mapping[str, int]
    marks: dict[str, float] = field(default_factory=dict)
    load: Child | None = None
    apart: list[Pod] = field(default_factory=list)
    undoing: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def control_plane(self) -> ControlPlane:
        """What looks after the Pods."""
        return self.platform.control_plane

    def pods(self, deployment: str) -> list[Pod]:
        """Those of a Deployment that are not stopping, in the order in which they were made."""
        found = self.control_plane.deployments[deployment].pods
        return [pod for pod in found if not pod.terminating]

    def stand_in(self, name: str) -> Pod:
        """The issuer, the back end or the load balancer."""
        return next(pod for pod in self.platform.stand_ins if pod.name == name)

    def slow_database(self, *, milliseconds: float) -> None:
        """From now on each of its answers takes so much longer."""
        for endpoint in (self.platform.writer, self.platform.reader):
            endpoint.latency_seconds = milliseconds / 1000

    async def play(self, lines: Sequence[Line]) -> None:
        """Starts all Pods anew, with these lines changed and no other; nobody may be asking.

        What was done to anybody else is undone first: each run begins from the same place.
        """
        await self.undoing.aclose()
        made = self.platform.made
        made.altered.clear()
        made.altered.update(self.alterations(lines))
        self.control_plane.evictions.budgets = tuple(made.objects(PodDisruptionBudget))
        self.marks.clear()
        await self.end_apart()
        self.control_plane.services.serve(made.objects(Service))
        await asyncio.gather(*(self._replace(name) for name in SERVING))
        # After those that it calls: however seldom its Envoy asks DNS, it has found them.
        self.control_plane.services.catch_up()
        await self._replace(RELAY)
        await self._replace_load_balancer()
        await self.settled()

    async def end_apart(self) -> None:
        """Stops those that nobody else looks after."""
        while self.apart:
            await self.apart.pop().stop(grace_seconds=QUICK_SECONDS, hooks=False)

    def release(self, name: str, *, lines: Sequence[Line] = ()) -> Release:
        """What is to be rolled out: the lines as they stand, and these changed in this release."""
        altered = self.platform.made.altered
        standing = dict(altered)
        for file, alter in self.alterations(lines).items():
            altered[file] = _one_after_the_other(standing.get(file), alter)
        try:
            return self.platform.made.release(name)
        finally:
            altered.clear()
            altered.update(standing)

    def alterations(self, lines: Sequence[Line]) -> Mapping[str, Alter]:
        """What is to become of the files' texts, for the platform that this is."""
        return alterations(as_of_the_pods(lines, below=self.platform.state.run))

    async def _replace(self, name: str) -> None:
        former = self.control_plane.deployments[name]
        new = DeploymentController(
            name,
            self.platform.made.release(name),
            replicas=self.replicas.get(name, PODS_EACH),
            time_scale=self.time_scale,
            say=self.platform.terminal.say,
        )
        for pod in new.pods:
            pod.gate_open = True
        self.control_plane.deployments[name] = new
        await former.end(grace_seconds=QUICK_SECONDS)
        await asyncio.gather(*(pod.start(seconds=READY_SECONDS) for pod in new.pods))

    async def _replace_load_balancer(self) -> None:
        """Also when its file is as it was: what its checks have found is of Pods that are gone."""
        former = self.stand_in("alb")
        await former.stop(grace_seconds=QUICK_SECONDS, hooks=False)
        for name in DEPLOYMENTS:
            for pod in self.pods(name):
                await until(
                    partial(_is_ready, pod), seconds=READY_SECONDS, what=f"{pod.name} is ready"
                )
        self.control_plane.services.catch_up()
        alb = self.platform.made.alb(port=self.platform.port)
        self.platform.stand_ins[self.platform.stand_ins.index(former)] = alb
        await alb.start(seconds=READY_SECONDS)

    async def settled(self) -> None:
        """Waits until everybody knows the Pods there are, and no other."""
        network = self.platform.network
        serving = {pod.home.address for name in SERVING for pod in self.pods(name)}
        await _known(network.alb.loopback, clusters=SERVING, addresses=serving)
        readers = {pod.home.address for pod in self.pods("query-api")}
        for relay in self.pods(RELAY):
            await _known(
                relay.home.loopback,
                clusters=["query-api"],
                addresses=readers,
                instead=network.inner_load_balancer.host,
            )

    async def sql(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """What the superuser gets from the primary."""
        cluster = self.platform.cluster
        async with cluster.master(cluster.primary, database="bukken") as connection:
            cursor = await connection.execute(statement.encode(), values)
            return await cursor.fetchall() if cursor.description else []


def _one_after_the_other(first: Alter | None, then: Alter) -> Alter:
    return then if first is None else lambda text: then(first(text))


def _is_ready(pod: Pod) -> bool:
    return pod.ready


async def _known(
    host: str, *, clusters: Iterable[str], addresses: set[str], instead: str = ""
) -> None:
    async def as_it_is() -> bool:
        found = await healthy_targets(f"http://{host}:{ADMIN_PORT}", clusters=clusters)
        return found in (addresses, {instead})

    what = f"the Envoy of {host} finds {sorted(addresses)} healthy, and no other"
    await until(as_it_is, seconds=READY_SECONDS, what=what)


class Listener(Terminal):
    """Keeps what the platform says, for who asks why a drill failed."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.said: list[str] = []

    def say(self, text: str) -> None:
        """Notes it."""
        self.said.append(text.rstrip())


@asynccontextmanager
async def staged(
    state: State, *, port: int, time_scale: float, replicas: Mapping[str, int]
) -> AsyncIterator[Stage]:
    """A platform of its own, without listings."""
    with state.held():
        state.clear_up()
        async with running(
            state, port=port, terminal=Listener(), time_scale=time_scale
        ) as platform:
            inner = await _inner_load_balancer(platform)
            watching = asyncio.create_task(platform.watch(), name="watch")
            stage = Stage(platform=platform, time_scale=time_scale, replicas=replicas)
            try:
                yield stage
            finally:
                await stage.end_apart()
                watching.cancel()
                await asyncio.wait({watching})
                await inner.stop()


async def _inner_load_balancer(platform: Platform) -> Endpoint:
    """The way in of partners, as Pods would use it: by the name `load-balancer`."""
    address = platform.network.inner_load_balancer
    platform.control_plane.services.external["load-balancer"] = lambda: [address.host]
    endpoint = Endpoint(address, pick=lambda: Address("127.0.0.1", platform.port))
    await endpoint.start()
    return endpoint
