"""What a place is told: its own file (infra/places), and what k8s/cluster says of the nodes.

Each parameter has one source. What the cluster's files say is not said again here: how many nodes
there are, what they keep for themselves and which add-ons they carry is what `make node-budget`
counts with.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from infra.deploy.errors import BadPlace
from infra.deploy.templates import Template
from k8s.node_budget import nodes

ROOT: Final = Path(__file__).parents[2]
PLACES: Final = ("staging", "production")
EXAMPLE_ACCOUNTS: Final = ("111122223333", "444455556666")  # those of AWS's own documents


@dataclass(frozen=True)
class Place:
    """Where stacks go, and what they are told.

    Attributes:
        account: the account's number; another one's credentials are refused.
        values: by the parameter's name, which means the same in every template.
    """

    name: str
    account: str
    region: str
    values: Mapping[str, str]

    @property
    def platform(self) -> str:
        """What every name begins with."""
        return f"bukken-{self.name}"

    def stack(self, template: str) -> str:
        """The stack of a template here."""
        return f"{self.platform}-{template}"

    def parameters_of(self, template: Template) -> dict[str, str]:
        """What this template is told here.

        Raises:
            BadPlace: nobody says one of its parameters.
        """
        known = {**self.values, "Platform": self.platform}
        told: dict[str, str] = {}
        for name, parameter in template.parameters.items():
            value = known.get(name, parameter.get("Default"))
            if value is None:
                raise BadPlace(
                    f"{template.name}: nobody says {name}; infra/places/{self.name}.yaml should"
                )
            told[name] = str(value)
        return told


def read(name: str, *, templates: Mapping[str, Template], root: Path = ROOT) -> Place:
    """A place, with what the cluster's files say.

    Raises:
        BadPlace: its file says something twice that the cluster's files say already, or what no
            template asks for; or nodes would be newer than the control plane.
    """
    own = _yaml(root / "infra/places" / f"{name}.yaml")
    cluster = of_the_cluster(templates, root=root)
    asked = {parameter for each in templates.values() for parameter in each.parameters}
    for said in own["parameters"]:
        if said in cluster or said not in asked:
            raise BadPlace(f"infra/places/{name}.yaml: {said} is not for this file to say")
    values = {key: str(value) for key, value in own["parameters"].items()}
    if minor(values["NodesVersion"]) > minor(values["KubernetesVersion"]):
        raise BadPlace(
            f"infra/places/{name}.yaml: nodes of {values['NodesVersion']} would be newer than the "
            f"control plane ({values['KubernetesVersion']}), which goes first"
        )
    return Place(name, str(own["account"]), own["region"], values | cluster)


def minor(version: str) -> int:
    """The second number of a Kubernetes version."""
    return int(version.split(".")[1])


def of_the_cluster(templates: Mapping[str, Template], *, root: Path = ROOT) -> dict[str, str]:
    """What k8s/cluster says of nodes and add-ons."""
    described = nodes.read(root / "k8s/cluster/nodes.yaml")
    addons = {each["name"]: each for each in _yaml(root / "k8s/cluster/addons.yaml")}
    return _nodes(described) | {
        key: value
        for template in templates.values()
        for logical_id, name in addons_of(template).items()
        for key, value in _addon(logical_id, addons[name]).items()
    }


def pinned(root: Path = ROOT) -> dict[str, str | None]:
    """Each add-on's version, by AWS's name of it; None, where nobody has said one."""
    return {each["name"]: each["version"] for each in _yaml(root / "k8s/cluster/addons.yaml")}


def addons_of(template: Template) -> dict[str, str]:
    """The EKS add-ons that a template makes: what it calls each, and what AWS does."""
    return {
        logical_id: resource["Properties"]["AddonName"]
        for logical_id, resource in template.resources.items()
        if resource["Type"] == "AWS::EKS::Addon"
    }


def _nodes(described: dict[str, Any]) -> dict[str, str]:
    node = nodes.node(described)
    reserved = node.reserved["kubeReserved"]
    return {
        "InstanceType": node.instance_type,
        "LeastForEachZone": str(described["nodesPerZone"]["minimum"]),
        "MostForEachZone": str(described["nodesPerZone"]["maximum"]),
        "MaxPods": str(node.max_pods),
        "KubeReserved": json.dumps({"cpu": f"{reserved.cpu}m", "memory": f"{reserved.memory}Mi"}),
        "SystemReserved": json.dumps(described["kubelet"]["systemReserved"]),
        "EvictionMemory": str(described["kubelet"]["evictionHard"]["memory.available"]),
    }


def _addon(logical_id: str, addon: dict[str, Any]) -> dict[str, str]:
    """A version that is not pinned is left out: then the plan asks AWS, and says what to write."""
    said = {f"{logical_id}Configuration": json.dumps(addon["configuration"])}
    if addon["version"]:
        said[f"{logical_id}Version"] = addon["version"]
    return said


def _yaml(path: Path) -> Any:  # noqa: ANN401 — YAML
    return yaml.safe_load(path.read_text(encoding="utf-8"))
