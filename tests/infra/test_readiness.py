"""Before a release: whoever makes it work is there and answers; one that is missing is named."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.deploy import readiness
from infra.deploy.readiness import Readiness
from k8s.release.kubectl import Kubectl

ROOT = Path(__file__).parents[2]
ZONE = "topology.kubernetes.io/zone"


class Answers(Kubectl):
    """A kubectl that knows answers by a call's words; of what it is not told there is nothing."""

    def __init__(self, known: Mapping[str, object]) -> None:
        """Takes the answers."""
        super().__init__(say=print)
        vars(self)["known"] = known

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """The answer, as JSON unless it is a text."""
        assert stdin is None
        words = " ".join(word for word in arguments if not word.startswith("--"))
        found = vars(self)["known"].get(words, "")
        return found if isinstance(found, str) else json.dumps(found)


def bad(known: Mapping[str, object]) -> list[str]:
    """What is not in order, of a cluster that says this."""
    findings = Readiness(Answers(known), "bukken-staging").findings()
    return [each.text for each in findings if not each.good]


def condition(name: str) -> dict[str, Any]:
    """An object of which this is true."""
    return {"status": {"conditions": [{"type": name, "status": "True"}]}}


def well() -> dict[str, Any]:
    """What a cluster says in which all is in order."""
    said: dict[str, Any] = {"config current-context": "arn:aws:eks:x:1:cluster/bukken-staging"}
    for name in readiness.DEPLOYMENTS:
        said[f"get deployment {name.rpartition('/')[2]}"] = {
            "spec": {"replicas": 2},
            "status": {"availableReplicas": 2},
        }
    for name in readiness.DAEMON_SETS:
        said[f"get daemonset {name.rpartition('/')[2]}"] = {
            "status": {"desiredNumberScheduled": 3, "numberReady": 3}
        }
    for name in readiness.KINDS:
        said[f"get customresourcedefinition {name}"] = condition("Established")
    said[f"get apiservice {readiness.METRICS}"] = condition("Available")
    said["get endpointslices"] = {"items": [{"endpoints": [{"addresses": ["10.0.0.1"]}]}]}
    said["get nodes"] = {
        "items": [{"metadata": {"labels": {ZONE: zone}}, **condition("Ready")} for zone in "abc"]
    }
    return said


def test_a_cluster_that_is_well_is_ready() -> None:
    """Nothing is out of order."""
    assert bad(well()) == []


@pytest.mark.parametrize(
    ("call", "answer", "says"),
    [
        ("get deployment coredns", "", "kube-system/coredns: not there"),
        ("get deployment metrics-server", {"spec": {"replicas": 2}, "status": {}},
         "kube-system/metrics-server: 0 of 2"),
        ("get daemonset aws-node", {"status": {"desiredNumberScheduled": 3, "numberReady": 2}},
         "kube-system/aws-node: 2 of 3"),
        ("get daemonset fluent-bit", {"status": {"desiredNumberScheduled": 0, "numberReady": 0}},
         "fluent-bit/fluent-bit: 0 of 0"),
        (f"get customresourcedefinition {readiness.KINDS[0]}", "", readiness.KINDS[0]),
        (f"get apiservice {readiness.METRICS}", "", f"{readiness.METRICS}: does not answer"),
        ("get endpointslices", {"items": []}, f"{readiness.WEBHOOK}: 0 behind it"),
        ("get nodes", {"items": []}, "nodes are ready in 0 zones"),
        ("config current-context", "bukken-production",
         "the current context is bukken-production; this is for cluster bukken-staging."),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(call: str, answer: object, says: str) -> None:
    """That and nothing else."""
    (line,) = bad({**well(), call: answer})

    assert line.startswith(says)


def test_it_looks_at_all_that_the_nodes_are_counted_with() -> None:
    """A controller that is counted and not looked at could be missing."""
    described = yaml.safe_load((ROOT / "k8s/cluster/nodes.yaml").read_text())

    assert {each["name"] for each in described["daemonSets"]} == set(readiness.DAEMON_SETS)
    assert {each["name"] for each in described["deployments"]} == set(readiness.DEPLOYMENTS)
