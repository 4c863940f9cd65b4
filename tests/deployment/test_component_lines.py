"""Each line of a component beside its Deployment, with what it is there for."""

from collections.abc import Callable

import pytest
import yaml
from deployment.lines import Document, Line, between, change, name_of, says, take_out
from deployment.rendered import COMPONENTS, NAME, RELAY, ROOT

PARTS = {
    "ServiceAccount": "identity",
    "Deployment": "deployment",
    "Service": "service",
    "HorizontalPodAutoscaler": "scaler",
    "PodDisruptionBudget": "budget",
    "NetworkPolicy": "policy",
}
CALLS_OR_IS_CALLED = ("query-api", RELAY)


def component(side: str) -> Document:
    """A component's documents by what they are for."""
    text = (ROOT / "k8s/base" / f"{side}.yaml").read_text()
    return {"metadata": {"name": side}} | {part_of(each): each for each in yaml.safe_load_all(text)}


def part_of(document: Document) -> str:
    """What a document is for."""
    is_mesh = document["metadata"]["name"].endswith("-mesh")
    return "mesh" if is_mesh else PARTS[document["kind"]]


def selects(value: Document, document: Document) -> bool:
    """The side's own Pods."""
    return value == {NAME: name_of(document)}


def of_ready_pods(value: Document, document: Document) -> bool:
    """Headless, and no word of Pods that are not ready."""
    return value == {
        "clusterIP": "None",
        "selector": {NAME: name_of(document)},
        "ports": [{"name": "http", "port": 8080, "targetPort": "http", "appProtocol": "http"}],
    }


def of_all_pods(value: Document, document: Document) -> bool:
    """Headless, and every Pod whether it is ready or not."""
    return value == {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": {NAME: name_of(document)},
        "ports": [{"name": "http-mesh", "port": 8080, "targetPort": "http", "appProtocol": "http"}],
    }


def scales_its_deployment(value: Document, document: Document) -> bool:
    """The Deployment of the same name."""
    return value == {"apiVersion": "apps/v1", "kind": "Deployment", "name": name_of(document)}


CPU_OF_THE_APP = {
    "type": "ContainerResource",
    "containerResource": {
        "name": "cpu",
        "container": "app",
        "target": {"type": "Utilization", "averageUtilization": 60},
    },
}
DOUBLE_OR_TWO = [
    {"type": "Percent", "value": 100, "periodSeconds": 30},
    {"type": "Pods", "value": 2, "periodSeconds": 30},
]
BEHAVIOR = "scaler spec behavior"

# fmt: off
LINES = [
    Line("identity metadata name", says("{side}"), "No Pod can be made: its identity is missing.",
         COMPONENTS),
    Line("identity automountServiceAccountToken", says(False),
         "Each Pod that forgets to say so has a token for the API server.", COMPONENTS),
    Line("service metadata name", says("{side}"), "Neither the ALB nor its stand-in has a target."),
    Line("service spec", of_ready_pods,
         "With unready Pods the ALB keeps those that stop among its targets until they are gone."),
    Line("mesh metadata name", says("{side}-mesh"), "No Envoy finds the other side."),
    Line("mesh spec", of_all_pods,
         "When all Pods are unready for a moment DNS answers nothing, and Envoy drops every host."),
    Line("scaler spec scaleTargetRef", scales_its_deployment, "It scales another, or nobody."),
    Line("scaler spec minReplicas", between(3, 6), "A zone has no Pod, and is lost with the rest."),
    Line("scaler spec maxReplicas", between(6, 12), "Under load requests wait for CPU."),
    Line("scaler spec metrics", says([CPU_OF_THE_APP]),
         "Envoy's idle CPU dilutes the app's: it scales too late, and down too early."),
    Line(f"{BEHAVIOR} scaleUp stabilizationWindowSeconds", between(15, 60),
         "By default 0: each blip is a Pod."),
    Line(f"{BEHAVIOR} scaleUp selectPolicy", says("Max"), "A large surge is followed two by two."),
    Line(f"{BEHAVIOR} scaleUp policies", says(DOUBLE_OR_TWO), "A surge is followed too slowly."),
    Line(f"{BEHAVIOR} scaleDown stabilizationWindowSeconds", between(300, 900),
         "Between two waves of load Pods go, and are made again."),
    Line(f"{BEHAVIOR} scaleDown policies",
         says([{"type": "Pods", "value": 1, "periodSeconds": 60}]),
         "By default all may go at once, each with 40 s of draining."),
    Line("budget spec selector matchLabels", selects, "It protects the other side, or nobody.",
         COMPONENTS),
    Line("budget spec maxUnavailable", says(1), "A drain of several nodes takes several at once.",
         COMPONENTS),
    Line("budget spec unhealthyPodEvictionPolicy", says("AlwaysAllow"),
         "A Pod that cannot start holds up the drain of its node for ever.", COMPONENTS),
    Line("policy spec podSelector matchLabels", selects, "It opens somebody else's ports.",
         CALLS_OR_IS_CALLED),
]
# fmt: on
CASES = [pytest.param(line, side, id=f"{side}: {line.at}") for line in LINES for side in line.files]


@pytest.mark.parametrize(("line", "side"), CASES)
def test_each_line_is_there(line: Line, side: str) -> None:
    """The component says what is needed, or what the row foretells happens."""
    assert line.holds(component(side)), line.otherwise


@pytest.mark.parametrize("mutate", [take_out, change])
@pytest.mark.parametrize(("line", "side"), CASES)
def test_each_check_can_fail(
    line: Line, side: str, mutate: Callable[[Document, str], None]
) -> None:
    """With the line taken out, or with another value, its check fails."""
    mutated = component(side)
    mutate(mutated, line.at)

    assert not line.holds(mutated)
