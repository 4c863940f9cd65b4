import asyncio
from pathlib import Path

import pytest
from staged_deployment import StagedDeployment, play

from bukken_local.kubernetes.delays import Delays
from bukken_local.kubernetes.disruption import EvictionRefused, Evictions
from bukken_local.kubernetes.objects import PodDisruptionBudget
from bukken_local.kubernetes.reading import understood
from bukken_local.kubernetes.replicas import Moment
from bukken_local.kubernetes.rollout import NoSuchPod
from bukken_local.processes.waiting import until


def evictions(stage: StagedDeployment, **spec: str | int) -> Evictions:
    """Evictions under one budget."""
    document = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "thing"},
        "spec": {"selector": {"matchLabels": {"name": "thing"}}, **spec},
    }
    budget = understood(document, PodDisruptionBudget, source=Path("thing.yaml"))
    return Evictions([stage.controller], budgets=[budget], delays=Delays().scaled(10))


def test_a_second_eviction_waits_for_the_first_ones_replacement(tmp_path: Path) -> None:
    """With maxUnavailable 1 a Pod may go, and the next only when two are ready again."""

    async def story(stage: StagedDeployment) -> None:
        polite = evictions(stage, maxUnavailable=1)
        polite.evict("thing-1")
        with pytest.raises(EvictionRefused, match=r"1 Pods .* ready .* needs 1 of 2"):
            polite.evict("thing-2")
        await stage.controller.until_complete()
        polite.evict("thing-2")

    play(story, here=tmp_path)


def test_a_budget_without_room_refuses_every_eviction(tmp_path: Path) -> None:
    """A minAvailable of all Pods blocks a node's drain for ever, which is a real mistake."""

    async def story(stage: StagedDeployment) -> None:
        evictions(stage, minAvailable="100%").evict("thing-1")

    with pytest.raises(EvictionRefused, match="thing-1 is not evicted"):
        play(story, here=tmp_path)


@pytest.mark.parametrize(("policy", "goes"), [("AlwaysAllow", True), ("IfHealthyBudget", False)])
def test_who_is_not_ready_goes_if_the_policy_says_so(
    tmp_path: Path, policy: str, *, goes: bool
) -> None:
    """A Pod that serves nobody protects nothing; by default it would hold up a node's drain."""

    async def story(stage: StagedDeployment) -> None:
        stage.unready("thing-1")
        await until(lambda: not stage.pod("thing-1").ready, seconds=30, what="thing-1 is unready")
        polite = evictions(stage, minAvailable=2, unhealthyPodEvictionPolicy=policy)
        if goes:
            polite.evict("thing-1")
        else:
            with pytest.raises(EvictionRefused):
                polite.evict("thing-1")

    stage = play(story, here=tmp_path)

    assert (stage.happened("thing-1")[:1] == [Moment.DRAINING]) == goes


def test_a_drained_node_loses_its_pods_one_after_the_other(tmp_path: Path) -> None:
    """A drain insists until all Pods of a node are gone, and always one is ready."""

    async def story(stage: StagedDeployment) -> None:
        drain = evictions(stage, maxUnavailable=1).drain(["thing-1", "thing-2"])
        await asyncio.wait_for(drain, timeout=30)

    stage = play(story, here=tmp_path)

    assert {"thing-1", "thing-2"}.isdisjoint(pod.name for pod in stage.controller.pods)
    assert min(ready for _, ready in stage.looks) == 1


def test_a_pod_that_is_not_there_cannot_be_evicted(tmp_path: Path) -> None:
    """It is refused by its name."""

    async def story(stage: StagedDeployment) -> None:
        evictions(stage, maxUnavailable=1).evict("thing-9")

    with pytest.raises(NoSuchPod, match="there is no Pod thing-9"):
        play(story, here=tmp_path)
