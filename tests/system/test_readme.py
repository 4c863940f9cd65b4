import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from running_compose import Compose

if TYPE_CHECKING:
    from running_platform import Platform
    from system.conftest import Runner

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.skipif(not shutil.which("curl"), reason="the README's lines are curl's")
def test_the_readmes_lines_do_what_it_says(runner: "Runner") -> None:
    """A newcomer who pastes the README's lines creates a listing and reads it back."""
    lines = next(block for block in BLOCKS if "make -s token" in block)
    done = subprocess.run(
        ["/bin/sh", "-e"],
        input=lines.replace("http://127.0.0.1:8088", runner.url),
        env={**os.environ, "BUKKEN_STATE_DIR": str(runner.state)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "201 Created" in done.stdout
    assert '"City":"新宿区"' in done.stdout


@pytest.mark.skipif(not shutil.which("curl"), reason="the README's lines are curl's")
def test_the_readmes_lines_with_docker_do_what_it_says(platform: "Platform") -> None:
    """The same in containers; `up` has been done, which is the first line."""
    if not isinstance(platform, Compose):
        pytest.skip("about containers: --place=compose")
    first, *lines = next(block for block in BLOCKS if "docker compose" in block).splitlines()
    script = "\n".join(lines).replace("http://127.0.0.1:8088", platform.url)
    done = subprocess.run(
        ["/bin/sh", "-e"],
        input=script,
        env={**os.environ, "COMPOSE_PROJECT_NAME": platform.project},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert first.startswith("docker compose up --wait ")
    assert "201 Created" in done.stdout
    assert '"City":"新宿区"' in done.stdout


def test_every_make_target_of_the_documents_is_there() -> None:
    """No document sends its reader to a command that does not exist."""
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    named = {
        target
        for document in documents
        for target in re.findall(r"`make (?:-s )?([a-z-]+)", document.read_text(encoding="utf-8"))
    }
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert named <= set(targets)
