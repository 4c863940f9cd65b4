"""Rollouts of the real services, on the first place; what they cost is drilled (drills/cases).

Their waits are five times shorter than the manifests say: drain, grace, minReadySeconds, the delays
of Kubernetes and of the load balancer (kubernetes/time_scale.py). What a process needs is as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from system.conftest import Run

TIME_SCALE = 5


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
