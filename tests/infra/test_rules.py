"""Our own rules about templates: what no linter knows, each with a mistake that it must find."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from stack_documents import (
    Templates,
    as_list,
    branches,
    of_type,
    resources,
    statements,
    with_change,
)

from infra.deploy.templates import STATEFUL, Template

# CloudFormation makes the new one of a replacement before it ends the old one, so a name that both
# would have stops it. These have one all the same, each since somebody else knows it by it.
NAMED = {
    "cluster/Cluster": "parameters.env, and the tags its controllers go by",
    "cluster/Records": "EKS writes to this group",
    "edge/FirewallRecords": "WAF writes only to groups that are called so",
    "metrics/Records": "Prometheus writes only to groups that are called so",
    "collector/Records": "the collector writes only to groups that are called so",
    "metrics-alarms/Rules": "AWS wants one; it is its workspace's own",
    "logs/Lines": "k8s/cluster/addons.yaml sends to it",
    "registry/CommandApi": "images are called so",
    "registry/QueryApi": "images are called so",
    "auth/Tokens": "a domain is nothing but its name",
}
NAMES = re.compile(
    r"Name|\w*(Role|Policy|Repository|Stream|LogGroup|Bucket|Group|Nodegroup|Topic|Alias)Name|"
    r"DB\w+Identifier|Domain"
)
# Properties that look like names and are none: what is referred to, and what only people read.
REFERS = {
    "AliasName",
    "GroupName",
    "UserPoolName",
    "AWS::Cognito::UserPoolResourceServer Name",
    "AWS::EC2::EIP Domain",
    "AWS::EC2::FlowLog LogGroupName",
    "AWS::Logs::LogStream LogGroupName",
    "AWS::RDS::DBCluster DBClusterParameterGroupName",
    "AWS::RDS::DBCluster DBSubnetGroupName",
    "AWS::RDS::DBInstance DBClusterIdentifier",
    "AWS::Route53::RecordSet Name",
}


def without_a_description(templates: Templates) -> Iterator[str]:
    """Templates, parameters, outputs and resources that do not say what they are."""
    for template in templates.values():
        if not template.parsed.get("Description"):
            yield template.name
        for section in (template.parameters, template.outputs):
            yield from (
                f"{template.name} {name}"
                for name, each in section.items()
                if not each.get("Description")
            )
    for path, resource in resources(templates):
        if not resource.get("Metadata", {}).get("Description"):
            yield path


def without_an_export(templates: Templates) -> Iterator[str]:
    """Imports of what nobody hands on."""
    for template in templates.values():
        for stack, output in template.imports:
            if stack not in templates or output not in templates[stack].exports():
                yield f"{template.name} imports {stack}-{output}"


def taken_by_nobody(templates: Templates) -> Iterator[str]:
    """Exports that no template imports: they would hold a stack fast for nothing."""
    taken = {each for template in templates.values() for each in template.imports}
    for template in templates.values():
        for name in template.exports():
            if (template.name, name) not in taken:
                yield f"{template.name} exports {name}"


def without_a_policy(templates: Templates) -> Iterator[str]:
    """Stateful resources that do not say what becomes of them in both cases."""
    for path, resource in of_type(templates, *STATEFUL).items():
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            if policy not in resource:
                yield f"{path} has no {policy}"


def lost_with_its_stack(templates: Templates) -> Iterator[str]:
    """Data that a stack's end takes away; log lines, what runs, names to be had again may go."""
    may_go = {
        "AWS::Cognito::UserPoolDomain",
        "AWS::Cognito::UserPoolResourceServer",
        "AWS::EC2::EIP",
        "AWS::EKS::Cluster",
        "AWS::Logs::LogGroup",
        "AWS::RDS::DBInstance",
    }
    for path, resource in of_type(templates, *STATEFUL - may_go).items():
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            if resource.get(policy) not in {"Retain", "Snapshot"}:
                yield f"{path} {policy}"


def open_to_the_world(templates: Templates) -> Iterator[str]:
    """What anybody may connect to. The load balancer is not here: its controller makes it."""
    for path, group in of_type(
        templates, "AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress"
    ).items():
        for rule in group["Properties"].get("SecurityGroupIngress", ()):
            if rule.get("CidrIp") == "0.0.0.0/0" or "CidrIpv6" in rule:
                yield path
    for path, resource in resources(templates):
        given = resource.get("Properties", {})
        if given.get("PubliclyAccessible") or given.get("MapPublicIpOnLaunch"):
            yield path
    for path, statement in statements(templates):
        if statement["Effect"] == "Allow" and statement.get("Principal") in ("*", {"AWS": "*"}):
            yield path


def without_a_boundary(templates: Templates) -> Iterator[str]:
    """Statements that allow a wildcard, or a change of everything; a key's policy is its own."""
    for path, statement in statements(templates):
        if path.startswith("keys/") or statement["Effect"] != "Allow":
            continue
        actions = [str(each) for each in as_list(statement["Action"])]
        if any("*" in each for each in actions):
            yield f"{path}: {actions}"
        if "*" in as_list(statement.get("Resource", ())) and any(
            _changes(each) for each in actions
        ):
            yield f"{path}: {actions} on everything"


def _changes(action: str) -> bool:
    return not re.match(r"\w[\w-]*:(Describe|Get|List)", action)


def trusting_anybody(templates: Templates) -> Iterator[str]:
    """Roles that a service may take for somebody else's sake (the confused deputy)."""
    for path, role in of_type(templates, "AWS::IAM::Role").items():
        (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        if "Condition" not in statement and statement["Principal"] != {
            "Service": "ec2.amazonaws.com"
        }:
            yield path


def names_in_the_way(templates: Templates) -> Iterator[str]:
    """Names that would stop a replacement."""
    for path, resource in resources(templates):
        for name in resource.get("Properties", {}):
            refers = f"{resource['Type']} {name}" in REFERS or name in REFERS
            if NAMES.fullmatch(name) and not refers and path not in NAMED:
                yield f"{path} {name}"


RULES: tuple[Callable[[Templates], Iterator[str]], ...] = (
    without_a_description,
    without_an_export,
    taken_by_nobody,
    without_a_policy,
    lost_with_its_stack,
    open_to_the_world,
    without_a_boundary,
    trusting_anybody,
    names_in_the_way,
)


@pytest.mark.parametrize("rule", RULES)
def test_the_templates_keep_the_rule(
    rule: Callable[[Templates], Iterator[str]], templates: dict[str, Template]
) -> None:
    """No template breaks it."""
    assert list(rule(templates)) == []


def _allows(**statement: object) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", **statement}]}


def _policy(**statement: object) -> dict[str, Any]:
    return {"Policies": [{"PolicyName": "x", "PolicyDocument": _allows(**statement)}]}


def _subnet(export: str) -> dict[str, Any]:
    return {"Subnets": [{"Fn::ImportValue": {"Fn::Sub": export}}]}


_FIREHOSE = {"Service": "firehose.amazonaws.com"}

# fmt: off
MISTAKES: list[tuple[Callable[[Templates], Iterator[str]], str, dict[str, Any]]] = [
    (without_a_description, "database/Door", {"Metadata": None}),
    (without_an_export, "nodes/ZoneB", _subnet("${Platform}-network-NodesB")),
    (without_an_export, "nodes/ZoneB", _subnet("${Platform}-network")),
    (taken_by_nobody, "nodes/Template", {"LaunchTemplateData": {}}),
    (without_a_policy, "database/Cluster", {"UpdateReplacePolicy": None}),
    (lost_with_its_stack, "database/Cluster", {"DeletionPolicy": "Delete"}),
    (lost_with_its_stack, "keys/Data", {"UpdateReplacePolicy": "Delete"}),
    (open_to_the_world, "database/Door", {"SecurityGroupIngress": [{"CidrIp": "0.0.0.0/0"}]}),
    (open_to_the_world, "database/First", {"PubliclyAccessible": True}),
    (open_to_the_world, "network/NodesA", {"MapPublicIpOnLaunch": True}),
    (open_to_the_world, "notices/Speakers", {"PolicyDocument": _allows(Principal="*")}),
    (without_a_boundary, "workloads/QueryApi", _policy(Action="kms:*", Resource="arn:x")),
    (without_a_boundary, "workloads/QueryApi", _policy(Action=["kms:Sign"], Resource=["*"])),
    (trusting_anybody, "logs/Carrier", {"AssumeRolePolicyDocument": _allows(Principal=_FIREHOSE)}),
    (names_in_the_way, "nodes/ZoneA", {"NodegroupName": "a"}),
    (names_in_the_way, "secrets/QueryApi", {"Name": "bukken/query-api"}),
    (names_in_the_way, "database/Cluster", {"DBClusterIdentifier": "bukken"}),
    (names_in_the_way, "workloads/QueryApi", {"RoleName": "query-api"}),
]
# fmt: on


@pytest.mark.parametrize(("rule", "path", "change"), MISTAKES)
def test_the_mistake_is_found(
    rule: Callable[[Templates], Iterator[str]],
    path: str,
    change: Mapping[str, Any],
    templates: dict[str, Template],
) -> None:
    """With the mistake in it, the rule names something."""
    assert list(rule(with_change(templates, path, **change))) != []


def test_each_named_resource_has_a_name(templates: dict[str, Template]) -> None:
    """An exception from the rule that nobody needs any more is none."""
    there = dict(resources(templates))
    used = {
        path for path in NAMED if any(NAMES.fullmatch(each) for each in there[path]["Properties"])
    }

    assert used == NAMED.keys()


def test_zones_are_said_and_not_asked_for(templates: dict[str, Template]) -> None:
    """AWS's list changes with the account's default subnets: each subnet would be replaced."""
    asking = [name for name, each in templates.items() if "Fn::GetAZs" in str(each.parsed)]

    assert asking == []


def test_no_name_of_a_group_of_nodes_is_handed_on(templates: dict[str, Template]) -> None:
    """CloudFormation changes no export that is taken: then no group could ever be replaced."""
    group = {"Fn::Split": ["/", {"Ref": "ZoneA"}]}  # "cluster/group"
    handed_on = {name: templates["nodes"].outputs[name] for name in templates["nodes"].exports()}

    assert [each["Value"] for each in handed_on.values()] == [{"Fn::Select": [0, group]}]


def test_one_parameter_means_the_same_everywhere(templates: dict[str, Template]) -> None:
    """A place says each value once: two templates may not take it for two things."""
    forms: dict[str, set[str]] = {}
    for template in templates.values():
        for name, parameter in template.parameters.items():
            form = {key: each for key, each in parameter.items() if key != "Description"}
            forms.setdefault(name, set()).add(str(form))

    assert [name for name, each in forms.items() if len(each) > 1] == []


def test_every_template_can_be_sent_whole(templates: dict[str, Template]) -> None:
    """Above 51,200 bytes a template has to lie in a bucket, which would have to be there first."""
    assert [name for name, each in templates.items() if len(each.body.encode()) > 51_200] == []


def test_no_role_needs_a_capability_of_its_own(templates: dict[str, Template]) -> None:
    """`apply` says CAPABILITY_IAM alone: CloudFormation would refuse a named role."""
    named = [
        at
        for at, _ in branches([each for _, each in resources(templates)])
        if at.endswith("RoleName")
    ]

    assert named == []
