import asyncio
from pathlib import Path

import pytest
from staged_pod import Stage, play


def test_the_app_starts_when_its_sidecar_has(tmp_path: Path) -> None:
    """A container waits for the sidecar's startup probe, so its egress is in place."""

    async def story(stage: Stage) -> None:
        starting = asyncio.create_task(stage.pod.start(seconds=10))
        await stage.until_noted("sidecar start")
        stage.said.extend(stage.journal)
        stage.good("sidecar-started")
        await starting
        await stage.until_noted("app start")

    stage = play(story, here=tmp_path)

    assert stage.said == ["sidecar start"]
    assert stage.journal[:2] == ["sidecar start", "app start"]


def test_a_sidecar_that_never_starts_is_told(tmp_path: Path) -> None:
    """The wait for a sidecar ends with a sentence that names it."""

    async def story(stage: Stage) -> None:
        await stage.pod.start(seconds=0.5)

    with pytest.raises(TimeoutError, match="thing-1/sidecar has started"):
        play(story, here=tmp_path)


def test_the_sidecar_is_stopped_last(tmp_path: Path) -> None:
    """Hook, TERM to the app, and only when it is gone TERM to the sidecar."""

    async def story(stage: Stage) -> None:
        await stage.until_ready()
        await stage.pod.stop()

    stage = play(story, here=tmp_path)

    assert stage.journal[2:] == ["hook", "app TERM", "sidecar TERM"]
    assert not stage.pod.exists


def test_the_hook_counts_against_the_grace(tmp_path: Path) -> None:
    """A hook longer than the grace is cut off at its end; the app then has the least grace."""

    async def story(stage: Stage) -> None:
        await stage.until_ready()
        began = asyncio.get_running_loop().time()
        await stage.pod.stop()
        assert 3 <= asyncio.get_running_loop().time() - began < 5

    stage = play(story, here=tmp_path, hook_seconds=60)

    assert stage.journal[2:] == ["hook", "app TERM", "sidecar TERM"]
    assert stage.said[-1] == "thing-1/app: preStop did not end within the grace"


def test_who_ignores_term_is_killed_when_the_grace_is_over(tmp_path: Path) -> None:
    """A program that does not end is killed, and the sidecar still has its turn."""

    async def story(stage: Stage) -> None:
        await stage.until_ready()
        stage.good("app-ignores-TERM")
        await stage.pod.stop(grace_seconds=1)

    stage = play(story, here=tmp_path)

    assert stage.journal[-2:] == ["app TERM", "sidecar TERM"]
    assert not stage.pod.exists
