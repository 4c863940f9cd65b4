import asyncio
from pathlib import Path

from staged_pod import Stage, play

from bukken_local.kubernetes.container import BackOff
from bukken_local.processes.waiting import until


def test_a_liveness_kill_runs_the_hook_under_the_probes_own_grace(tmp_path: Path) -> None:
    """A hung app's hook runs too, but not for longer than the probe allows."""

    async def story(stage: Stage) -> None:
        await stage.until_ready()
        began = asyncio.get_running_loop().time()
        stage.bad("app-live")
        await stage.until_noted("app TERM")
        assert asyncio.get_running_loop().time() - began < 2 + 1 + 1

    stage = play(story, here=tmp_path, hook_seconds=60)

    assert stage.journal[2:4] == ["hook", "app TERM"]
    assert "thing-1/app failed its liveness probe; stopping it" in stage.said


def test_a_killed_app_is_started_again_and_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    """A container that ends is told, with why and its last lines, and started again at once."""

    async def story(stage: Stage) -> None:
        await stage.until_ready()
        stage.kill_app()
        await stage.until_noted("app start", times=2)

    stage = play(story, here=tmp_path)

    assert stage.said == [
        "thing-1/app killed by SIGKILL; starting it again now\napp speaks\n",
    ]


def test_a_pod_that_ends_again_waits(tmp_path: Path) -> None:
    """From the second end on, a start waits for the back-off."""

    async def story(stage: Stage) -> None:
        await stage.until_ready()
        for times in (2, 3):
            stage.kill_app()
            await stage.until_noted("app start", times=times)

    stage = play(story, here=tmp_path)

    assert [said.splitlines()[0] for said in stage.said] == [
        "thing-1/app killed by SIGKILL; starting it again now",
        "thing-1/app killed by SIGKILL; starting it again in 0.2 s",
    ]


def test_the_back_off_doubles_up_to_its_limit_and_forgets() -> None:
    """The kubelet waits 0, 10, 20 … 300 s, and begins anew after a run of ten minutes."""
    back_off = BackOff()

    assert [back_off.after(1) for _ in range(8)] == [0, 10, 20, 40, 80, 160, 300, 300]
    assert back_off.after(601) == 0


def test_the_kubelet_cannot_reach_what_listens_on_the_pods_loopback(tmp_path: Path) -> None:
    """An httpGet probe of a port that is open on 127.0.0.1 alone fails here as on Kubernetes."""

    async def story(stage: Stage) -> None:
        stage.good("sidecar-started", "app-ready", "app-live")
        await stage.pod.start(seconds=10)
        await until(lambda: bool(stage.said), seconds=30, what="the probe fails")

    stage = play(story, here=tmp_path, app_on_loopback=True)

    assert stage.said[0] == "thing-1/app failed its liveness probe; stopping it"
