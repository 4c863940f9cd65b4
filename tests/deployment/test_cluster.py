"""What the cluster needs is pinned, explained, and counted where the nodes are counted."""

import re
from typing import Any

import pytest
import yaml
from deployment.lines import value_at
from deployment.rendered import ROOT

CLUSTER = ROOT / "k8s/cluster"
CHARTS = ("aws-load-balancer-controller", "cluster-autoscaler")
# Where nodes.yaml counts what the values of an add-on or chart give: entry and container → values.
COUNTED = {
    "kube-system/aws-node aws-vpc-cni-init": "vpc-cni init",
    "kube-system/aws-node aws-node": "vpc-cni",
    "kube-system/aws-node aws-eks-nodeagent": "vpc-cni nodeAgent",
    "kube-system/kube-proxy kube-proxy": "kube-proxy",
    "kube-system/eks-pod-identity-agent eks-pod-identity-agent": "eks-pod-identity-agent",
    "kube-system/eks-node-monitoring-agent eks-node-monitoring-agent": (
        "eks-node-monitoring-agent nodeAgent"
    ),
    "kube-system/secrets-store-csi-driver secrets-store": (
        "aws-secrets-store-csi-driver-provider secrets-store-csi-driver linux driver"
    ),
    "kube-system/secrets-store-csi-driver node-driver-registrar": (
        "aws-secrets-store-csi-driver-provider secrets-store-csi-driver linux registrar"
    ),
    "kube-system/secrets-store-csi-driver liveness-probe": (
        "aws-secrets-store-csi-driver-provider secrets-store-csi-driver linux livenessProbe"
    ),
    "kube-system/secrets-store-csi-driver-provider-aws provider-aws": (
        "aws-secrets-store-csi-driver-provider"
    ),
    "fluent-bit/fluent-bit fluent-bit": "fluent-bit",
    "kube-system/coredns coredns": "coredns",
    "kube-system/metrics-server metrics-server": "metrics-server",
    "kube-system/aws-load-balancer-controller controller": "aws-load-balancer-controller",
    "kube-system/cluster-autoscaler cluster-autoscaler": "cluster-autoscaler",
}
# What the values call the number of a Deployment's Pods.
REPLICAS = {
    "coredns": "replicaCount",
    "metrics-server": "replicas",
    "aws-load-balancer-controller": "replicaCount",
    "cluster-autoscaler": "replicaCount",
}


def addons() -> list[dict[str, Any]]:
    """The EKS add-ons."""
    parsed: list[dict[str, Any]] = yaml.safe_load((CLUSTER / "addons.yaml").read_text())
    return parsed


def values() -> dict[str, Any]:
    """What each is configured with, by its name."""
    charts = {name: yaml.safe_load((CLUSTER / f"{name}.yaml").read_text()) for name in CHARTS}
    return charts | {each["name"]: each["configuration"] for each in addons()}


def counted() -> dict[str, Any]:
    """What nodes.yaml counts: entry and container → resources."""
    nodes = yaml.safe_load((CLUSTER / "nodes.yaml").read_text())
    return {
        f"{entry['name']} {container['name']}": container["resources"]
        for entry in (*nodes["daemonSets"], *nodes["deployments"])
        for container in (*entry.get("initContainers", ()), *entry["containers"])
    }


def test_what_is_configured_is_what_is_counted() -> None:
    """A DaemonSet that nobody counts, or that takes more than was counted, kills nodes."""
    configured = {at: value_at(values(), f"{path} resources") for at, path in COUNTED.items()}

    assert counted() == configured


@pytest.mark.parametrize("name", REPLICAS)
def test_as_many_are_configured_as_are_counted(name: str) -> None:
    """A replica that nobody counts takes the place of one of ours."""
    nodes = yaml.safe_load((CLUSTER / "nodes.yaml").read_text())
    (entry,) = (each for each in nodes["deployments"] if each["name"] == f"kube-system/{name}")

    assert values()[name][REPLICAS[name]] == entry["replicas"]


def test_everything_is_counted() -> None:
    """Whatever is configured has a line in nodes.yaml."""
    assert {path.partition(" ")[0] for path in COUNTED.values()} == values().keys()


@pytest.mark.parametrize("name", sorted(values()))
def test_everything_is_on_the_page(name: str) -> None:
    """The table says what it is for and who it is to AWS."""
    rows = re.findall(rf"^\| {name}\b.*\|$", (CLUSTER / "README.md").read_text(), re.MULTILINE)

    assert len(rows) == 1


@pytest.mark.parametrize("addon", addons(), ids=lambda addon: addon["name"])
def test_an_addons_version_is_one_that_aws_gives(addon: dict[str, Any]) -> None:
    """Whole, or said to be missing: CloudFormation would otherwise take what is newest that day."""
    assert addon["version"] is None or re.fullmatch(
        r"v\d+\.\d+\.\d+-eksbuild\.\d+", addon["version"]
    )


@pytest.mark.parametrize("chart", CHARTS)
def test_a_charts_version_is_the_one_on_the_page(chart: str) -> None:
    """The command in its values installs what the table says."""
    (version,) = re.findall(r"--version (\S+)", (CLUSTER / f"{chart}.yaml").read_text())

    assert f"| {chart} {version} |" in (CLUSTER / "README.md").read_text()


def test_policies_are_enforced() -> None:
    """Off by default: each NetworkPolicy would be accepted, and do nothing."""
    assert values()["vpc-cni"]["enableNetworkPolicy"] == "true"


def test_no_pod_is_made_without_its_readiness_gate() -> None:
    """By default the webhook fails open since v2.11: rollouts then lose the gate in silence."""
    controller = values()["aws-load-balancer-controller"]

    assert controller["podMutatorWebhookConfig"] == {"failurePolicy": "Fail"}
    assert "webhookNamespaceSelectors" not in controller  # it would widen others' selectors too


def test_a_rotated_secret_reaches_its_file() -> None:
    """Off by default: a Pod would keep the password it was started with."""
    driver = values()["aws-secrets-store-csi-driver-provider"]["secrets-store-csi-driver"]

    assert driver["enableSecretRotation"] is True
    assert driver["syncSecret"] == {"enabled": False}
