"""The life of one container: started, probed, restarted; at the end its hook, TERM, KILL."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass

from bukken_local.kubernetes.manifests import Container, Exec, Probe
from bukken_local.kubernetes.probes import check_of, verdicts
from bukken_local.kubernetes.sandbox import Sandbox
from bukken_local.processes.child import Child
from bukken_local.processes.waiting import until

Say = Callable[[str], None]
"""Tells the person at the terminal something."""

LEAST_GRACE_SECONDS = 2
"""What the kubelet leaves a container even when its hook has used up the grace
(minimumGracePeriodInSeconds, pkg/kubelet/kuberuntime/kuberuntime_container.go)."""

TAIL_LINES = 15


@dataclass
class BackOff:
    """How long the kubelet waits before it starts a container again: 0, 10, 20, 40 … 300 s."""

    first_seconds: float = 10
    limit_seconds: float = 300
    _next: float = 0

    def after(self, ran_seconds: float) -> float:
        """The wait after a container that ran so long; a long run forgets the past."""
        if ran_seconds > 2 * self.limit_seconds:
            self._next = 0
        wait = self._next
        self._next = min(max(2 * wait, self.first_seconds), self.limit_seconds)
        return wait


class RunningContainer:
    """One container of a Pod. `started` and `ready` are what the kubelet would report of it."""

    def __init__(
        self, container: Container, *, sandbox: Sandbox, say: Say, back_off: BackOff
    ) -> None:
        self.name = f"{sandbox.pod}/{container.name}"
        self.started = False
        self.ready = False
        self.restarts = 0
        self._container = container
        self._sandbox = sandbox
        self._say = say
        self._back_off = back_off
        self._child: Child | None = None
        self._life: asyncio.Task[None] | None = None
        self._clock = asyncio.get_running_loop().time

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int | None:
        """Of its process, while there is one."""
        return self._child.pid if self._child is not None and self.running else None

    def send_signal(self, number: signal.Signals) -> None:
        """Sends a signal to all of its processes: what hangs or dies, does so as a whole."""
        if (pid := self.pid) is not None:
            os.killpg(pid, number)

    def last_words(self) -> str:
        """The end of its log, empty before its first start."""
        return self._child.tail(TAIL_LINES) if self._child is not None else ""

    def start(self) -> None:
        """Starts it, and again whenever it ends, until `stop_watching`."""
        self._child = self._sandbox.start(self._container)
        self._life = asyncio.create_task(self._live(self._child), name=self.name)

    async def until_started(self, *, seconds: float) -> None:
        """Waits until its startup probe has passed, if it has one.

        Raises:
            TimeoutError: it had not within these seconds.
        """
        await until(lambda: self.started, seconds=seconds, what=f"{self.name} has started")

    async def stop_watching(self) -> None:
        """Ends probes and restarts; the process, if there is one, goes on."""
        if self._life is not None:
            self._life.cancel()
            with suppress(asyncio.CancelledError):
                await self._life

    async def run_hook(self, *, deadline: float) -> None:
        """Runs preStop, if there is one; its failure is told and delays nothing."""
        hook = self._container.lifecycle.pre_stop
        if hook is not None and self.running:
            await self._execute(hook.exec_, seconds=deadline - self._clock())

    async def end(self, *, deadline: float) -> None:
        """TERM, and KILL at the deadline."""
        if self._child is not None:
            left = max(deadline - self._clock(), LEAST_GRACE_SECONDS)
            await self._child.stop(grace_seconds=left)
        self.started = self.ready = False

    async def _live(self, child: Child) -> None:
        while True:
            began = self._clock()
            why = await self._one_life(child)
            self.started = self.ready = False
            wait = self._back_off.after(self._clock() - began)
            when = f"in {wait:g} s" if wait else "now"
            self._say(f"{self.name} {why}; starting it again {when}\n{child.tail(TAIL_LINES)}")
            await asyncio.sleep(wait)
            child = self._child = self._sandbox.start(self._container)
            self.restarts += 1

    async def _one_life(self, child: Child) -> str:
        """Waits for the end of a process, by itself or by its probes, and says why it ended."""
        watching = asyncio.create_task(self._watch())
        ending = asyncio.create_task(child.wait())
        try:
            await asyncio.wait({watching, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not ending.done():
                return await self._kill(watching.result())
            return await ending
        finally:
            watching.cancel()
            ending.cancel()

    async def _watch(self) -> tuple[str, Probe]:
        """Returns the probe that condemns the process, with its name."""
        container, began = self._container, self._clock()
        if container.startup_probe is not None:
            async for passed in self._verdicts(container.startup_probe, purpose="startup"):
                if passed:
                    break
                return "startup", container.startup_probe
        self.started = True
        age = self._clock() - began
        reading = asyncio.create_task(self._follow_readiness(age=age))
        try:
            return await self._condemned(age=age)
        finally:
            reading.cancel()

    async def _follow_readiness(self, *, age: float) -> None:
        probe = self._container.readiness_probe
        if probe is None:
            self.ready = True
            return
        async for passed in self._verdicts(probe, purpose="readiness", age=age):
            self.ready = passed

    async def _condemned(self, *, age: float) -> tuple[str, Probe]:
        probe = self._container.liveness_probe
        if probe is not None:
            async for passed in self._verdicts(probe, purpose="liveness", age=age):
                if not passed:
                    return "liveness", probe
        never: asyncio.Future[tuple[str, Probe]] = asyncio.get_running_loop().create_future()
        return await never

    async def _kill(self, condemned: tuple[str, Probe]) -> str:
        """Ends a process whose probe failed, with its hook: the kubelet has one way to kill."""
        purpose, probe = condemned
        self._say(f"{self.name} failed its {purpose} probe; stopping it")
        grace = probe.termination_grace_period_seconds
        if grace is None:
            grace = self._sandbox.spec.termination_grace_period_seconds
        deadline = self._clock() + grace
        await self.run_hook(deadline=deadline)
        await self.end(deadline=deadline)
        return f"was stopped because its {purpose} probe failed"

    async def _execute(self, hook: Exec, *, seconds: float) -> None:
        child = self._sandbox.execute(self._container, hook.command, purpose="preStop")
        try:
            async with asyncio.timeout(seconds):
                reason = await child.wait()
        except TimeoutError:
            reason = "did not end within the grace"
        finally:
            await child.stop(grace_seconds=0)
        if child.exit_status != 0:
            self._say(f"{self.name}: preStop {reason}")

    def _verdicts(self, probe: Probe, *, purpose: str, age: float = 0) -> AsyncIterator[bool]:
        check = check_of(probe, container=self._container, sandbox=self._sandbox, purpose=purpose)
        return verdicts(probe, check=check, age=age)
