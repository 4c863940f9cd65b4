"""The namespace's ceiling is above everything at its maximum, and not far above."""

import pytest
from deployment.rendered import OVERLAYS, Documents, one, rendered

from k8s.node_budget.quantities import Amount, amount
from k8s.node_budget.workloads import Workload, from_manifests


def most(documents: Documents) -> tuple[int, Amount]:
    """How many Pods there may be at once, and what they take."""
    each: list[Workload] = list(from_manifests(documents))
    taken = sum((one.pod for one in each for _ in range(one.maximum)), Amount())
    return sum(one.maximum for one in each), taken


def fits(documents: Documents) -> bool:
    """Whether the quota lets all of it be."""
    hard = one(documents, "ResourceQuota", "ceiling")["spec"]["hard"]
    pods, taken = most(documents)
    allowed = amount({"cpu": hard["requests.cpu"], "memory": hard["requests.memory"]})
    return pods <= int(hard["pods"]) and taken.fits(allowed)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_rollout_at_the_maximum_is_within_the_quota(overlay: str) -> None:
    """Else the release that is made under the highest load is the one that stands still."""
    assert fits(rendered(overlay))


def test_an_autoscaler_with_a_zero_too_many_is_stopped() -> None:
    """The quota is a ceiling: ten times the Pods do not fit under it."""
    documents = rendered("staging")
    one(documents, "HorizontalPodAutoscaler", "query-api")["spec"]["maxReplicas"] *= 10

    assert not fits(documents)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_requests_and_limits_of_memory_have_the_same_ceiling(overlay: str) -> None:
    """They are equal in each container, so they are in the sum."""
    hard = one(rendered(overlay), "ResourceQuota", "ceiling")["spec"]["hard"]

    assert hard["requests.memory"] == hard["limits.memory"]
