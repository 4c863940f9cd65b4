"""Rollouts of the real services under traffic, on the first place.

Their waits are five times shorter than the manifests say: drain, grace, minReadySeconds, the delays
of Kubernetes and of the load balancer (kubernetes/time_scale.py). What a process needs is as it is.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from steady_traffic import READS, WRITES, steady

from bukken_local.start import running as running_here
from bukken_local.state import State
from bukken_local.terminal import Terminal
from drills.lines import Line, alterations

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence
    from pathlib import Path

    from system.conftest import Run

    from bukken_local.platform import Platform

TIME_SCALE = 5
GOOD = {READS: {"200"}, WRITES: {"201"}}


PRESTOP = Line(
    files=("k8s/base/command-api.yaml", "k8s/base/query-api.yaml"),
    path="spec.template.spec.containers[app].lifecycle",
    take_out=True,
)


async def roll(platform: Platform, *, lines: Sequence[Line] = ()) -> None:
    """Rolls all Deployments at once, with some lines changed; waits until old Pods are gone."""
    platform.made.altered.clear()
    platform.made.altered.update(alterations(lines))
    deployments = platform.control_plane.deployments
    for name, deployment in deployments.items():
        deployment.apply(platform.made.release(name))
    await asyncio.gather(*(each.until_complete() for each in deployments.values()))
    await asyncio.gather(*(each.until_gone() for each in deployments.values()))


def failed(answers: dict[str, Counter[str]]) -> dict[str, int]:
    """How many requests of each kind did not get the answer they should."""
    return {
        kind: sum(times for answer, times in found.items() if answer not in GOOD[kind])
        for kind, found in answers.items()
    }


def test_a_rolling_update_fails_no_request_and_without_prestop_it_does(
    own_state: Path, free_port: int
) -> None:
    """Both Deployments are rolled under reads and writes; the hook is what nobody is hurt by."""
    state = State(own_state)

    async def story() -> tuple[dict[str, Counter[str]], dict[str, Counter[str]]]:
        async with running_here(
            state, port=free_port, terminal=Terminal(quiet=True), time_scale=TIME_SCALE
        ) as platform:
            with steady(platform.description()) as traffic:
                # The Pods that are stopped by the first rollout have the hook; by the second, not.
                await roll(platform, lines=[PRESTOP])
                with_hook = traffic.take()
                await roll(platform)
                return with_hook, traffic.take()

    with state.held():
        state.clear_up()
        with_hook, without = asyncio.run(story())

    assert failed(with_hook) == {READS: 0, WRITES: 0}, with_hook
    assert sum(found.total() for found in with_hook.values()) > 500
    assert min(failed(without).values()) > 0, without


def test_a_restart_is_told_step_by_step(own_state: Path, run: Run) -> None:
    """`make restart` from another shell prints a line for each step; a wrong name is refused."""
    # So long that a socket could not be bound by its whole path.
    state = own_state / ("long" * 25)
    state.mkdir(mode=0o711)
    with run(state, "--no-sample", "--time-scale", str(TIME_SCALE)) as runner:
        restarted = runner.command("restart", "query-api")
        refused = runner.command("delete", "query-api-1")

    assert restarted.returncode == 0, restarted.stderr
    told = [line.split(" s  ")[1] for line in restarted.stdout.splitlines()]
    steps = [line.removeprefix("query-api-3 ") for line in told if "query-api-3" in line]
    assert steps[0] == "created"
    assert steps[2:] == ["ready", "available"]
    assert "query-api-1 gone" in told
    assert told[-1] == "done"
    assert refused.returncode == 1
    assert refused.stderr.startswith("bukken: there is no query-api-1 (there are command-api-1, ")
