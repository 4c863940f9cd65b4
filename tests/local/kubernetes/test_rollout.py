import asyncio
from pathlib import Path

import pytest
from staged_deployment import StagedDeployment, play

from bukken_local.kubernetes.replicas import Moment
from bukken_local.kubernetes.rollout import NoSuchPod, NothingToUndo, ProgressDeadlineExceeded

CREATED, READY, AVAILABLE = Moment.CREATED, Moment.READY, Moment.AVAILABLE
DRAINING, GONE = Moment.DRAINING, Moment.GONE


async def roll(stage: StagedDeployment) -> None:
    """Replaces both Pods by new ones, and waits until the old ones are gone."""
    stage.controller.apply(stage.release())
    await stage.controller.until_complete()
    await stage.controller.until_gone()


def test_a_rollout_goes_pod_by_pod(tmp_path: Path) -> None:
    """A new Pod is created, ready and available before an old one is told to stop."""
    stage = play(roll, here=tmp_path)

    assert stage.happened("thing-3") == stage.happened("thing-4") == [CREATED, READY, AVAILABLE]
    started = [(name, moment) for name, moment in stage.moments if moment is not GONE]
    assert [name for name, moment in started if moment is CREATED] == ["thing-3", "thing-4"]
    order = [moment for _, moment in started]
    assert order.index(DRAINING) > order.index(AVAILABLE)
    assert {pod.name for pod in stage.controller.pods} == {"thing-3", "thing-4"}


def test_a_rollout_never_has_fewer_ready_pods_nor_more_than_the_surge(tmp_path: Path) -> None:
    """With maxUnavailable 0 and maxSurge 1, two ready Pods stay, and never are there four."""
    stage = play(roll, here=tmp_path)

    assert min(ready for _, ready in stage.looks) == 2
    assert max(living for living, _ in stage.looks) == 3


def test_without_surge_an_old_pod_goes_first(tmp_path: Path) -> None:
    """With maxUnavailable 1 and no surge a rollout is one Pod short from its first moment on."""
    strategy = {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    stage = play(roll, here=tmp_path, strategy=strategy)

    assert stage.moments[0][1] is DRAINING
    assert max(living for living, _ in stage.looks) == 2


def test_a_pod_is_available_when_it_has_been_ready_for_a_while(tmp_path: Path) -> None:
    """Between ready and available lie minReadySeconds."""
    stage = play(roll, here=tmp_path, minReadySeconds=1)

    waited = stage.at["thing-3", AVAILABLE] - stage.at["thing-3", READY]
    assert 1 <= waited < 2


def test_a_pod_that_becomes_unready_begins_to_count_anew(tmp_path: Path) -> None:
    """Readiness that is lost within minReadySeconds is lost: no old Pod is stopped for it."""

    async def story(stage: StagedDeployment) -> None:
        stage.controller.apply(stage.release())
        await stage.until("thing-3", READY)
        stage.unready("thing-3")
        with pytest.raises(ProgressDeadlineExceeded):
            await stage.controller.until_complete()

    stage = play(story, here=tmp_path, minReadySeconds=2, progressDeadlineSeconds=3)

    assert DRAINING not in [moment for _, moment in stage.moments]


def test_a_failing_release_stops_by_itself_and_is_undone(tmp_path: Path) -> None:
    """A release that does not become ready is told with the end of its log; the old Pods stay."""

    async def story(stage: StagedDeployment) -> None:
        stage.controller.apply(stage.release(good=False))
        with pytest.raises(ProgressDeadlineExceeded, match="thing-3/app:\napp speaks"):
            await stage.controller.until_complete()
        assert [stage.pod(name).ready for name in ("thing-1", "thing-2")] == [True, True]
        stage.controller.undo()
        await stage.controller.until_complete()
        await stage.controller.until_gone()

    stage = play(story, here=tmp_path)

    assert {pod.name for pod in stage.controller.pods} == {"thing-1", "thing-2"}
    assert stage.happened("thing-3") == [CREATED, DRAINING, GONE]
    assert min(ready for _, ready in stage.looks) == 2


def test_what_was_undone_is_the_release_before(tmp_path: Path) -> None:
    """Undoing counts a new revision; undoing it again brings the undone one back."""

    async def story(stage: StagedDeployment) -> None:
        stage.controller.apply(stage.release(good=False))
        await stage.until("thing-3", CREATED)
        stage.controller.undo()
        await stage.controller.until_complete()
        stage.controller.undo()
        await stage.until("thing-4", CREATED)

    stage = play(story, here=tmp_path)

    assert stage.controller.revision == 4


def test_the_first_release_cannot_be_undone(tmp_path: Path) -> None:
    """There is nothing before the start, and the refusal says so."""

    async def story(stage: StagedDeployment) -> None:
        stage.controller.undo()

    with pytest.raises(NothingToUndo, match="thing has had only one release"):
        play(story, here=tmp_path)


def test_a_deleted_pod_is_replaced_while_it_drains(tmp_path: Path) -> None:
    """Its replacement is created at once, not when it is gone."""

    async def story(stage: StagedDeployment) -> None:
        stage.controller.delete("thing-1")
        await stage.controller.until_complete()
        await stage.controller.until_gone()

    stage = play(story, here=tmp_path)

    assert [each for each in stage.moments if each[1] is not GONE][:2] == [
        ("thing-1", DRAINING),
        ("thing-3", CREATED),
    ]
    assert stage.at["thing-3", CREATED] < stage.at["thing-1", GONE]


def test_a_pod_is_deleted_once(tmp_path: Path) -> None:
    """One that is stopping already, or was never there, is refused by its name."""

    async def story(stage: StagedDeployment) -> None:
        stage.controller.delete("thing-1")
        stage.controller.delete("thing-1")

    with pytest.raises(NoSuchPod, match="thing has no Pod thing-1 that is not stopping"):
        play(story, here=tmp_path)


def test_a_smaller_deployment_lets_its_youngest_pod_go(tmp_path: Path) -> None:
    """Scaled in, a Pod drains and no other takes its place."""

    async def story(stage: StagedDeployment) -> None:
        stage.controller.replicas = 1
        await stage.until("thing-2", GONE)

    stage = play(story, here=tmp_path)

    assert stage.moments == [("thing-2", DRAINING), ("thing-2", GONE)]


def test_pods_in_every_state_are_stopped_at_the_end(tmp_path: Path) -> None:
    """The end of the platform leaves no process, also of Pods that start or drain just now."""

    async def story(stage: StagedDeployment) -> None:
        stage.controller.delete("thing-1")
        await asyncio.sleep(0)
        stage.controller.reconcile()
        stage.everybody = stage.controller.pods

    stage = play(story, here=tmp_path)

    assert len(stage.everybody) == 3
    assert not any(pod.exists for pod in stage.everybody)


def test_a_pod_that_is_let_go_runs_on(tmp_path: Path) -> None:
    """Its label changed, it is no Pod of the Deployment any more; another takes its place."""

    async def story(stage: StagedDeployment) -> None:
        pod = stage.controller.let_go("thing-1")
        await stage.controller.until_complete()
        assert pod.ready
        assert pod not in stage.controller.pods
        await pod.stop()

    stage = play(story, here=tmp_path)

    assert stage.happened("thing-1") == []
    assert {pod.name for pod in stage.controller.pods} == {"thing-2", "thing-3"}
