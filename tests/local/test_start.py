import asyncio
import os
import sys
from pathlib import Path

import pytest

from bukken_local.processes.child import Child
from bukken_local.start import JobFailed, finish
from bukken_local.state import State


def run(program: str, *, here: Path) -> None:
    """Runs a Python program as the runner runs the migrations."""
    state = State(here)
    state.clear_up()

    async def started_and_finished() -> None:
        command = [sys.executable, "-c", program]
        child = Child.start(command, name="migrate", log=here / "log", env=os.environ, cwd=here)
        await finish(child, state=state)

    asyncio.run(started_and_finished())


def test_a_job_that_fails_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    """What was to be done once and was not ends the start, with its name and last words."""
    with pytest.raises(JobFailed, match="migrate exited with status 3:\nno such table"):
        run("print('no such table', flush=True); raise SystemExit(3)", here=tmp_path)


def test_a_job_that_ends_well_is_no_news(tmp_path: Path) -> None:
    """Its end alone is waited for."""
    run("pass", here=tmp_path)
