"""The namespace's ceiling is above everything at its maximum, and not far above."""

import pytest
from deployment.rendered import (
    OVERLAYS,
    Document,
    Documents,
    containers,
    one,
    rendered,
    workloads,
)

from k8s.node_budget.quantities import Amount, amount
from k8s.node_budget.workloads import Workload, from_manifests

Limits = dict[str, dict[str, str | float]]


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


def of_containers(documents: Documents) -> Limits:
    """What the namespace says of a container: `defaultRequest`, `default` and `max`."""
    (limits,) = one(documents, "LimitRange", "defaults")["spec"]["limits"]
    found: Limits = limits
    return found


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_container_that_names_no_numbers_is_let_in(overlay: str) -> None:
    """It gets all that the quota counts, or it is refused; and fits beside everything there is."""
    documents = rendered(overlay)
    given = of_containers(documents)
    told = {f"requests.{name}" for name in given["defaultRequest"]}
    told |= {f"limits.{name}" for name in given["default"]}
    documents.append(debugging(given))

    counted = one(documents, "ResourceQuota", "ceiling")["spec"]["hard"].keys() - {"pods"}
    assert counted == told
    assert fits(documents)


def debugging(given: Limits) -> Document:
    """A Job of somebody's, in which the defaults are filled in."""
    resources = {"requests": given["defaultRequest"], "limits": given["default"]}
    pod: Document = {"containers": [{"name": "debug", "resources": resources}]}
    metadata = {"namespace": "bukken", "name": "debug"}
    return {"kind": "Job", "metadata": metadata, "spec": {"template": {"spec": pod}}}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_container_is_above_the_most(overlay: str) -> None:
    """The API server would refuse its Pod, and say so to nobody but the ReplicaSet."""
    documents = rendered(overlay)
    most = amount(of_containers(documents)["max"]).memory
    largest = max(
        amount(each["resources"]["limits"]).memory
        for workload in workloads(documents)
        for each in containers(workload)
    )

    assert largest <= most


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_requests_and_limits_of_memory_have_the_same_ceiling(overlay: str) -> None:
    """They are equal in each container, so they are in the sum."""
    hard = one(rendered(overlay), "ResourceQuota", "ceiling")["spec"]["hard"]

    assert hard["requests.memory"] == hard["limits.memory"]
