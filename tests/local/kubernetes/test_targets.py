import asyncio
from pathlib import Path

import pytest
from staged_pod import Stage, play

from bukken_local.kubernetes.delays import Delays
from bukken_local.kubernetes.targets import TargetGroup, healthy_targets
from bukken_local.processes.waiting import until

DELAYS = Delays().scaled(10)


async def until_open(stage: Stage, *, healthy: bool, seconds: float) -> None:
    """Looks until the gate opens; the load balancer finds the Pod healthy, or does not."""
    group = TargetGroup(lambda: [stage.pod], delays=DELAYS)
    clock = asyncio.get_running_loop().time

    async def found() -> frozenset[str]:
        return frozenset({stage.pod.home.address} if healthy else ())

    async def opened() -> bool:
        group.look(now=clock())
        await group.open_gates(found, now=clock())
        return stage.pod.gate_open

    await until(opened, seconds=seconds, what="the gate is open")


def test_a_gated_pod_is_ready_when_the_load_balancer_has_found_it_healthy(tmp_path: Path) -> None:
    """Its containers are ready first, then it is a target, then its gate opens at the next look."""

    async def story(stage: Stage) -> None:
        stage.pod.gate_open = False
        stage.good("sidecar-started", "app-ready", "app-live")
        await stage.pod.start(seconds=10)
        await until(lambda: stage.pod.containers_ready, seconds=30, what="containers are ready")
        assert not stage.pod.ready
        clock = asyncio.get_running_loop().time
        began = clock()
        await until_open(stage, healthy=True, seconds=10)
        assert clock() - began >= DELAYS.registration.seconds + DELAYS.readiness_gate.seconds
        assert stage.pod.ready

    play(story, here=tmp_path)


def test_a_pod_that_the_load_balancer_does_not_reach_stays_unready(tmp_path: Path) -> None:
    """So a rollout stops before it has replaced a Pod by one that gets no requests."""

    async def story(stage: Stage) -> None:
        stage.pod.gate_open = False
        stage.good("sidecar-started", "app-ready", "app-live")
        await stage.pod.start(seconds=10)
        await until(lambda: stage.pod.containers_ready, seconds=30, what="containers are ready")
        await until_open(stage, healthy=False, seconds=4)

    with pytest.raises(TimeoutError, match="the gate is open"):
        play(story, here=tmp_path)


def test_a_load_balancer_that_does_not_answer_has_found_nobody_healthy() -> None:
    """Its controller then opens no gate, and asks again later."""
    found = asyncio.run(healthy_targets("http://127.0.0.1:1", clusters=["query-api"]))

    assert found == frozenset()
