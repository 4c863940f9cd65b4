"""Going back: to what has served, on both sides, and not to a release that failed."""

from typing import TYPE_CHECKING, Any

import pytest
from deployment.rendered import COMPONENTS

from k8s.release.__main__ import main
from k8s.release.steps import Release

if TYPE_CHECKING:
    from deployment.conftest import Cluster, Platform

STALLED = (1, "exceeded its progress deadline")
ROLLED = [f"rollout status deployment/{name}" for name in COMPONENTS]


def test_a_rollback_is_one_command(
    cluster: "Cluster",
    platform: "Platform",
    two_releases: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Both sides, it says from where to where, and it is looked at like a release."""
    cluster.answer({}, **two_releases)

    assert main(["rollback", "staging", "--url", platform.url]) == 0
    assert cluster.calls == [
        "rollout undo deployment/command-api --to-revision=6",
        "rollout undo deployment/query-api --to-revision=6",
        "rollout undo deployment/inquiry-relay --to-revision=6",
        *ROLLED,
        "apply the record",
    ]
    assert "query-api: revision 7 -> 6 (release r6)" in capsys.readouterr().out


def test_a_release_that_undid_itself_does_not_come_back(
    cluster: "Cluster", platform: "Platform", two_releases: dict[str, Any]
) -> None:
    """Revision 8 failed and 9 is 7 again: the release before is 6, not 8."""
    cluster.answer({}, **two_releases)
    platform.broken()
    assert main(["release", "staging", "--url", platform.url]) == 1
    assert cluster.serves() == ["command-api-7", "query-api-7"]

    platform.well()
    assert main(["rollback", "staging", "--url", platform.url]) == 0
    assert cluster.serves() == ["command-api-6", "query-api-6"]


def test_a_side_that_the_release_did_not_change_stays(
    cluster: "Cluster", platform: "Platform", two_releases: dict[str, Any]
) -> None:
    """Else it would go back to the Pods of a release that is long gone."""
    cluster.answer({}, **two_releases, changes=["command-api"])
    assert main(["release", "staging", "--url", platform.url]) == 0
    assert cluster.serves() == ["command-api-8", "query-api-7"]

    assert main(["rollback", "staging", "--url", platform.url]) == 0
    assert cluster.serves() == ["command-api-7", "query-api-7"]


def test_going_back_twice_goes_further_back(
    cluster: "Cluster", platform: "Platform", two_releases: dict[str, Any]
) -> None:
    """The second does not undo the first."""
    cluster.answer({}, **two_releases)
    for verb in ("release", "rollback", "rollback"):
        assert main([verb, "staging", "--url", platform.url]) == 0

    assert cluster.serves() == ["command-api-6", "query-api-6"]


@pytest.mark.parametrize("missing", ["record", "set"])
def test_where_there_is_nothing_to_go_back_to_nothing_is_touched(
    missing: str,
    cluster: "Cluster",
    two_releases: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One side back and the other refused would be the worst of all."""
    cluster.answer({}, **two_releases)
    if missing == "record":
        cluster.answer({})
    else:
        del two_releases["sets"]["query-api"]["query-api-6"]
        cluster.answer({}, **two_releases)

    assert main(["rollback", "staging"]) == 1
    assert cluster.calls == []
    assert "nothing is touched" in capsys.readouterr().err


def test_a_platform_that_was_applied_by_hand_can_be_gone_back_to(
    cluster: "Cluster", platform: "Platform"
) -> None:
    """What is there before the first `make release` is on record too."""
    cluster.answer({}, record=None)
    for verb in ("release", "rollback"):
        assert main([verb, "staging", "--url", platform.url]) == 0

    assert cluster.serves() == ["command-api-7", "query-api-7"]


def test_a_rollback_that_stalls_says_what_serves(
    cluster: "Cluster", two_releases: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody must decide now, and by what is there."""
    cluster.answer({"rollout status": STALLED}, **two_releases)

    assert main(["rollback", "staging"]) == 1
    assert "It is not undone. What serves: command-api: revision 7 (2 ready), revision 8" in (
        capsys.readouterr().err
    )


def test_an_apply_that_fails_half_way_is_undone(cluster: "Cluster") -> None:
    """One side is new already, when the server refuses the other."""
    cluster.answer({"apply with Deployments": (1, "context deadline exceeded")})

    assert main(["release", "staging"]) == 1
    assert cluster.calls[3:5] == [
        "rollout undo deployment/command-api --to-revision=7",
        "rollout undo deployment/query-api --to-revision=7",
    ]


def test_an_interrupted_release_says_what_goes_on(
    cluster: "Cluster", monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C stops the watching alone; `make rollback` then goes to what served before."""

    def interrupted(_: Release) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Release, "_wait_and_ask", interrupted)
        assert main(["release", "staging"]) == 130
    assert "make rollback OVERLAY=staging" in capsys.readouterr().err

    assert main(["rollback", "staging", "--url", "http://127.0.0.1:9"]) == 1
    assert cluster.serves() == ["command-api-7", "query-api-7"]
