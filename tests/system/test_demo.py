"""The demo, as somebody sees it who types `make demo`."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from free_ports import free_port

from bukken_local.demo.story import STORY

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 90


def test_every_step_is_as_told(own_state: Path) -> None:
    """The import, each step of the story and both of the inquiry have their ✓; it ends well."""
    ended = subprocess.run(
        [sys.executable, "-m", "bukken_local", "demo", "--port", str(free_port())],
        env={**os.environ, "BUKKEN_STATE_DIR": str(own_state), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=SECONDS,
    )

    ticks = [line for line in ended.stdout.splitlines() if line.startswith("✓")]
    assert (ended.returncode, len(ticks)) == (0, 1 + len(STORY) + 2), ended.stdout + ended.stderr
