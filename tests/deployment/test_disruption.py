"""Nodes can be drained, and never take a side down."""

from collections.abc import Iterator
from typing import Any

import pytest
from deployment.rendered import COMPONENTS, OVERLAYS, Documents, name_of, of_kind, one, rendered


def budgets_without_room(documents: Documents) -> Iterator[str]:
    """Budgets that the API server refuses, that block every drain, or that protect nothing."""
    for budget in of_kind(documents, "PodDisruptionBudget"):
        reason = _fault(budget["spec"], minimum=least(documents, budget["metadata"]["name"]))
        if reason:
            yield f"{name_of(budget)} {reason}"


def least(documents: Documents, name: str) -> int:
    """How many Pods there are at least: as its autoscaler says, or it itself where it has none."""
    for scaler in of_kind(documents, "HorizontalPodAutoscaler"):
        if scaler["metadata"]["name"] == name:
            return int(scaler["spec"]["minReplicas"])
    return int(one(documents, "Deployment", name)["spec"]["replicas"])


def _fault(spec: dict[str, Any], *, minimum: int) -> str | None:
    if {"minAvailable", "maxUnavailable"} <= spec.keys():
        return "says both minAvailable and maxUnavailable: the API server refuses it"
    may_go = spec.get("maxUnavailable", minimum - spec.get("minAvailable", 0))
    if may_go < 1:
        return f"lets no Pod go when there are {minimum}: a node's upgrade waits for ever"
    if may_go >= minimum:
        return f"lets all {minimum} Pods go at once"
    return None


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_node_can_be_drained_at_the_autoscalers_minimum(overlay: str) -> None:
    """One Pod at least may go, and one at least stays."""
    assert list(budgets_without_room(rendered(overlay))) == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_side_has_a_budget_that_ignores_what_is_not_ready(overlay: str) -> None:
    """A Pod that cannot start does not hold up the drain of its node."""
    for side in COMPONENTS:
        budget = one(rendered(overlay), "PodDisruptionBudget", side)
        assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


@pytest.mark.parametrize(
    "mistake",
    [
        # A popular sample's charts print both when enabled, with one replica.
        {"minAvailable": 2, "maxUnavailable": 1},
        {"minAvailable": 3},
        {"maxUnavailable": 0},
        {"maxUnavailable": 3},
    ],
)
def test_a_budget_without_room_is_named(mistake: dict[str, int]) -> None:
    """Each of these has been written in earnest."""
    documents = rendered("staging")
    spec = one(documents, "PodDisruptionBudget", "query-api")["spec"]
    del spec["maxUnavailable"]
    spec |= mistake

    assert len(list(budgets_without_room(documents))) == 1
