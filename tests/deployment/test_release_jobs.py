"""The Jobs of a release: tried again, and what keeps them from ending is said."""

from typing import TYPE_CHECKING, Any

import pytest

from k8s.release import jobs
from k8s.release.__main__ import main

if TYPE_CHECKING:
    from deployment.conftest import Cluster, Platform

MIGRATE = "migrate-2026-11-22"


def warning(uid: str, *, of: str, message: str) -> dict[str, Any]:
    """An event as the API server has it."""
    told = {"involvedObject": {"name": of}, "reason": "FailedMount", "message": message}
    return {"metadata": {"uid": uid}} | told


def test_a_failed_job_is_tried_anew(cluster: "Cluster", platform: "Platform") -> None:
    """The Job of the try before would else be found failed at once, whatever was mended."""
    cluster.answer({}, jobs={MIGRATE: "Failed"})

    assert main(["release", "staging", "--url", platform.url]) == 0
    assert cluster.calls[1:3] == [f"delete job {MIGRATE}", "apply without Deployments"]


def test_a_job_that_is_gone_is_not_taken_for_done(
    cluster: "Cluster", platform: "Platform", capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody knows that it has migrated: it is started again, which does no harm."""
    cluster.answer({}, coming_jobs={MIGRATE: "Gone"})

    assert main(["release", "staging", "--url", platform.url]) == 0
    assert cluster.calls[1:3] == ["apply without Deployments"] * 2
    assert f"Job {MIGRATE} is gone; starting it again" in capsys.readouterr().out


def test_what_keeps_a_job_waiting_is_said(
    cluster: "Cluster", monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Pod without its secret writes no log; what is old, or another's, is not said."""
    monkeypatch.setattr(jobs, "JOB_SECONDS", 0)
    cluster.answer(
        {"logs": (1, "waiting to start: ContainerCreating")},
        coming_jobs={MIGRATE: "Suspended"},
        events=[warning("1", of=f"{MIGRATE}-old", message="of the last try")],
        coming_events=[
            warning("2", of=f"{MIGRATE}-new", message="no secret migrate-database"),
            warning("3", of="query-api-x", message="another's"),
        ],
    )

    assert main(["release", "staging"]) == 1
    said = capsys.readouterr()
    assert "FailedMount: no secret migrate-database" in said.out
    assert said.err.endswith("ContainerCreating\nFailedMount: no secret migrate-database\n")
    assert "of the last try" not in said.out + said.err
    assert "another's" not in said.out + said.err


def test_a_changed_bootstrap_is_told_how_to_go_on(
    cluster: "Cluster", capsys: pytest.CaptureFixture[str]
) -> None:
    """`field is immutable` alone says nothing to who has edited the file."""
    refused = 'The Job.batch "bootstrap-2026-11-22" is invalid: spec.template: field is immutable'
    cluster.answer({"apply --dry-run": (1, refused)})

    assert main(["release", "staging"]) == 1
    assert "change bootstrap-release and bootstrap-image" in capsys.readouterr().err
