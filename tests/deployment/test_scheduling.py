"""A lost zone takes its share of Pods with it, and no more."""

from collections.abc import Iterator

import pytest
from deployment.rendered import (
    ON_AWS,
    OVERLAYS,
    SIDES,
    Document,
    Documents,
    one,
    rendered,
    template,
)

ZONE = "topology.kubernetes.io/zone"


def zone_rule(documents: Documents, side: str) -> Document:
    """How a side's Pods are spread over zones."""
    rules = template(one(documents, "Deployment", side))["spec"]["topologySpreadConstraints"]
    found: Document = next(rule for rule in rules if rule["topologyKey"] == ZONE)
    return found


def faults(rule: Document) -> Iterator[str]:
    """What would happen when a zone is lost, drained, or in the middle of a release."""
    if (rule["maxSkew"], rule["whenUnsatisfiable"]) != (1, "DoNotSchedule"):
        yield "all Pods may land in one zone, and are lost with it"
    if "minDomains" in rule:
        yield "with a zone lost, only 2 of 6 Pods were placed"
    if rule.get("nodeTaintsPolicy") != "Honor":
        yield "with a zone cordoned, only 2 of 6 Pods were placed"
    if rule.get("matchLabelKeys") != ["pod-template-hash"]:
        yield "a release counts the old Pods, and leaves the new ones skewed"


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("overlay", ON_AWS)
def test_pods_are_spread_over_zones(overlay: str, side: str) -> None:
    """A lost zone takes a third, and the rest can be placed in the others."""
    assert list(faults(zone_rule(rendered(overlay), side))) == []


@pytest.mark.parametrize(
    "mistake",
    [
        {"minDomains": 3},
        {"nodeTaintsPolicy": "Ignore"},
        {"whenUnsatisfiable": "ScheduleAnyway"},
        {"matchLabelKeys": []},
    ],
)
def test_a_spread_that_fails_with_a_zone_is_named(mistake: dict[str, object]) -> None:
    """Each looks safe on paper; the first two were tried."""
    rule = zone_rule(rendered("staging"), "query-api") | mistake

    assert len(list(faults(rule))) == 1


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_serves_goes_before_what_does_not(overlay: str) -> None:
    """Its class is below the system's own, and nobody has it without asking."""
    priority = one(rendered(overlay), "PriorityClass", "bukken-serving")

    assert 0 < priority["value"] < 1_000_000_000
    assert priority["globalDefault"] is False


@pytest.mark.parametrize("overlay", ON_AWS)
@pytest.mark.parametrize("side", SIDES)
def test_there_is_a_pod_in_each_zone(side: str, overlay: str) -> None:
    """At the autoscaler's minimum too: three zones, three Pods."""
    scaler = one(rendered(overlay), "HorizontalPodAutoscaler", side)

    assert scaler["spec"]["minReplicas"] >= 3
