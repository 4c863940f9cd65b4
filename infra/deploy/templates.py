"""The templates of infra/cloudformation, what each takes from others, and so their order.

A stack is called after its template (`bukken-staging-network`), and an export after both
(`bukken-staging-network-VpcId`): from an import one reads which stack it waits for.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Final

import yaml

FOLDER: Final = Path(__file__).parents[1] / "cloudformation"

# What holds something that no stack could make again: data, keys, names that others have written
# down. Such a resource is never replaced or removed unless it is named. [test_rules.py]
STATEFUL: Final = frozenset(
    {
        "AWS::APS::Workspace",
        "AWS::Cognito::UserPool",
        "AWS::Cognito::UserPoolClient",
        "AWS::Cognito::UserPoolDomain",
        "AWS::Cognito::UserPoolResourceServer",
        "AWS::EC2::EIP",
        "AWS::ECR::Repository",
        "AWS::EKS::Cluster",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBInstance",
        "AWS::S3::Bucket",
        "AWS::SecretsManager::Secret",
    }
)

_IMPORT = re.compile(r"\$\{Platform\}-([a-z0-9-]+)-([A-Z]\w+)")


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Ref x` is {"Ref": "x"}, and so on."""


def _short_form(loader: yaml.Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    name = tag if tag in {"Ref", "Condition"} else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {name: value.split(".", 1) if tag == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)  # noqa: S101 — the third kind there is
    return {name: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", _short_form)


@dataclass(frozen=True)
class Template:
    """One template, as it is sent and as it is understood."""

    name: str
    body: str

    @cached_property
    def parsed(self) -> Mapping[str, Any]:
        """Its sections."""
        parsed: Mapping[str, Any] = yaml.load(self.body, Loader)  # noqa: S506 — a SafeLoader
        return parsed

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """What it must be told."""
        return self._section("Parameters")

    @property
    def resources(self) -> Mapping[str, Mapping[str, Any]]:
        """What it makes."""
        return self._section("Resources")

    @property
    def outputs(self) -> Mapping[str, Mapping[str, Any]]:
        """What it tells."""
        return self._section("Outputs")

    @cached_property
    def imports(self) -> frozenset[tuple[str, str]]:
        """What it takes: a template's name, and its output's."""
        return frozenset(_imports(self.parsed))

    def _section(self, name: str) -> Mapping[str, Mapping[str, Any]]:
        section: Mapping[str, Mapping[str, Any]] = self.parsed.get(name, {})
        return section

    def exports(self) -> Iterator[str]:
        """Which of its outputs others may take."""
        return (name for name, output in self.outputs.items() if "Export" in output)


def _imports(node: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 — a document's branch
    if isinstance(node, dict):
        if found := node.get("Fn::ImportValue"):
            yield _named(found["Fn::Sub"])
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _imports(each)


def _named(export: str) -> tuple[str, str]:
    match = _IMPORT.fullmatch(export)
    return (match[1], match[2]) if match else ("", export)


def read(folder: Path = FOLDER) -> dict[str, Template]:
    """All templates, by name."""
    files = sorted(folder.glob("*.yaml"))
    return {each.stem: Template(each.stem, each.read_text(encoding="utf-8")) for each in files}


def in_order(templates: Mapping[str, Template]) -> list[Template]:
    """Each after all that it takes something from; else by name."""
    sorter = TopologicalSorter(
        {name: {stack for stack, _ in each.imports} for name, each in templates.items()}
    )
    sorter.prepare()
    found: list[Template] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        found += (templates[name] for name in ready)
        sorter.done(*ready)
    return found


def chosen(templates: Mapping[str, Template], names: Iterable[str]) -> list[Template]:
    """Those named, in their order; all, when none is.

    Raises:
        KeyError: there is none of that name.
    """
    wanted = {templates[name].name for name in names} or templates.keys()
    return [each for each in in_order(templates) if each.name in wanted]
