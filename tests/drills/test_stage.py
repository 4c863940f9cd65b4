"""What a release says, and what it leaves as it stands."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bukken_local.kubernetes.kubelet import Pod
from bukken_local.kubernetes.objects import PodDisruptionBudget
from bukken_local.network import Network
from bukken_local.pods import DEPLOYMENTS, Pods
from bukken_local.state import State
from drills.lines import Line
from drills.stage import Stage

QUERY = "k8s/base/query-api.yaml"
STANDING = Line(files=(QUERY,), path="spec.minReadySeconds", set=7)


def staged(here: Path, *lines: Line) -> Stage:
    """A stage on which nothing runs, with these lines changed."""
    state = State(here)
    state.clear_up()
    made = Pods(state=state, network=Network(88), say=print)
    platform: Any = SimpleNamespace(made=made, state=state)
    stage = Stage(platform=platform, time_scale=1, replicas={})
    made.altered.update(stage.alterations(lines))
    return stage


def test_a_release_changes_lines_beside_those_of_the_control(tmp_path: Path) -> None:
    """Both are in it; the next release is again of the lines as they stand."""
    stage = staged(tmp_path, STANDING)
    further = Line(files=(QUERY,), path="spec.progressDeadlineSeconds", set=8)

    released = stage.release("query-api", lines=[further]).spec
    next_one = stage.release("query-api").spec
    assert (released.min_ready_seconds, released.progress_deadline_seconds) == (7, 8)
    assert (next_one.min_ready_seconds, next_one.progress_deadline_seconds) == (7, 300)


def test_a_budget_is_read_with_its_changes(tmp_path: Path) -> None:
    """A drill may change what stands beside a Deployment, too."""
    kind = "PodDisruptionBudget"
    line = Line(files=(QUERY,), kind=kind, path="spec.maxUnavailable", set="100%")

    budgets = staged(tmp_path, line).platform.made.objects(PodDisruptionBudget)
    found = {budget.metadata.name: budget.spec.max_unavailable for budget in budgets}
    assert found == {"command-api": 1, "query-api": "100%", "inquiry-relay": 1}


GATE = Line(
    files=("k8s/base/namespace.yaml",),
    kind="Namespace",
    path="metadata.labels[elbv2.k8s.aws/pod-readiness-gate-inject]",
    take_out=True,
)


@pytest.mark.parametrize(("lines", "open_at_once"), [((), False), ((GATE,), True)])
def test_a_pod_is_gated_as_the_namespace_says(
    lines: tuple[Line, ...], tmp_path: Path, *, open_at_once: bool
) -> None:
    """Also where a drill has changed that: without the label a new Pod waits for nobody."""
    stage = staged(tmp_path, *lines)
    for name in (*DEPLOYMENTS.values(), "consistency"):
        stage.platform.state.keep_secret(name, "s")

    async def made() -> Pod:
        return stage.release("query-api").make()

    assert asyncio.run(made()).gate_open == open_at_once
