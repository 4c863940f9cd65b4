"""The order of a release, and what it does when a step fails, with a kubectl that keeps a diary.

What the real one does with the same calls is shown on a real cluster: docs/operating/release.md.
"""

import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from deployment.rendered import ROOT

from k8s.release.__main__ import main

if TYPE_CHECKING:
    from deployment.conftest import Cluster, Platform

FORWARD = [
    "apply --dry-run=server with Deployments",
    "apply without Deployments",
    "apply with Deployments",
    "rollout status deployment/command-api",
    "rollout status deployment/query-api",
    "rollout status deployment/inquiry-relay",
]
DONE = [*FORWARD, "apply the record"]
BACK = [
    "rollout undo deployment/command-api --to-revision=7",
    "rollout undo deployment/query-api --to-revision=7",
    "rollout undo deployment/inquiry-relay --to-revision=7",
    "rollout status deployment/command-api",
    "rollout status deployment/query-api",
    "rollout status deployment/inquiry-relay",
]


def test_a_release_migrates_before_it_serves(cluster: "Cluster", platform: "Platform") -> None:
    """Asked first, then all but what serves, then all; and then it is looked at."""
    assert main(["release", "staging", "--url", platform.url]) == 0
    assert cluster.calls == DONE


def test_a_failed_migration_changes_nothing_that_serves(
    cluster: "Cluster", capsys: pytest.CaptureFixture[str]
) -> None:
    """The end of the Job's log is shown, and the Deployments are not touched."""
    failed = {"migrate-2026-11-22": "Failed"}
    cluster.answer({"logs": (0, "migrate: no such column")}, coming_jobs=failed)

    assert main(["release", "staging"]) == 1
    assert cluster.calls == FORWARD[:2]
    assert "Job migrate-2026-11-22 failed; nothing new serves" in (said := capsys.readouterr().err)
    assert "no such column" in said


def test_what_the_server_would_refuse_is_not_begun(cluster: "Cluster") -> None:
    """Nothing is half applied."""
    cluster.answer({"apply --dry-run": (1, "spec.template: field is immutable")})

    assert main(["release", "staging"]) == 1
    assert cluster.calls == FORWARD[:1]


def test_a_rollout_that_stands_still_is_undone(
    cluster: "Cluster", capsys: pytest.CaptureFixture[str]
) -> None:
    """The Pods of before serve again, and the reason is told."""
    cluster.answer({"rollout status deployment/query-api": (1, "exceeded its progress deadline")})

    assert main(["release", "staging"]) == 1
    assert cluster.calls[: len(FORWARD) + 1] == FORWARD[:-1] + BACK[:2]
    assert "exceeded its progress deadline" in capsys.readouterr().err


def test_a_platform_that_answers_wrong_is_undone(
    cluster: "Cluster", platform: "Platform", capsys: pytest.CaptureFixture[str]
) -> None:
    """Pods that are ready and answer 500 are no release."""
    platform.broken()

    assert main(["release", "staging", "--url", platform.url]) == 1
    assert cluster.calls == FORWARD + BACK
    assert "not Envoy's own 401\nUndone: the Pods of before serve" in capsys.readouterr().err


def test_the_first_release_has_nothing_to_go_back_to(
    cluster: "Cluster", capsys: pytest.CaptureFixture[str]
) -> None:
    """It stays as it is, to be looked at."""
    cluster.answer({"rollout status": (1, "timed out")}, sets={}, record=None)

    assert main(["release", "staging"]) == 1
    assert not any("undo" in call for call in cluster.calls)
    assert "first release" in capsys.readouterr().err


PAGES = {page.stem: page.read_text() for page in (ROOT / "docs/operating").glob("*.md")}
LINES = [
    pytest.param(line, id=f"{page}: {line}")
    for page, text in PAGES.items()
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    for line in block.splitlines()
    if page in {"release", "rollback"}
]


@pytest.mark.parametrize("line", LINES)
def test_each_line_of_the_pages_does_something(
    line: str, cluster: "Cluster", platform: "Platform", two_releases: dict[str, Any]
) -> None:
    """A command that is pasted from the page is one that the tools take."""
    if line.startswith("make "):
        recipe = subprocess.run(
            ["/bin/sh", "-c", f"{line} --dry-run"],
            cwd=ROOT,
            # Not as a part of the `make test` around this, which would have it talk of directories.
            env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        context = "kind-kind" if "kind" in line else "bukken-staging"
        cluster.answer({"config": (0, context)}, **two_releases)
        arguments = recipe.partition("python -m k8s.release ")[2].split()
        assert main([*arguments, "--url", platform.url]) == 0
    else:
        subprocess.run(["/bin/sh", "-ec", line], check=True)
    assert cluster.calls != []
