"""What k8s/ and the stacks both name, they name alike; else it is found on the day it is needed."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from deployment.rendered import containers, of_kind, one, rendered, template, workloads
from stack_documents import Templates, branches, of_type, properties

from bukken_contract import paths
from bukken_database import roles
from infra.deploy import outputs, places
from infra.deploy.places import Place
from infra.deploy.templates import Template
from k8s.node_budget.nodes import read

ROOT = Path(__file__).parents[2]
CLUSTER = ROOT / "k8s/cluster"
ADDONS: list[dict[str, Any]] = yaml.safe_load((CLUSTER / "addons.yaml").read_text())


def associations(templates: Templates) -> Iterator[tuple[str, str]]:
    """Each ServiceAccount that AWS gives a role to, and the role's path in the stacks."""
    for path, each in of_type(templates, "AWS::EKS::PodIdentityAssociation").items():
        given = each["Properties"]
        role = given["RoleArn"].get("Fn::GetAtt", [""])[0]
        yield f"{given['Namespace']}/{given['ServiceAccount']}", f"{path.partition('/')[0]}/{role}"
    for path, each in of_type(templates, "AWS::EKS::Addon").items():
        for given in each["Properties"].get("PodIdentityAssociations", ()):
            role = given["RoleArn"]["Fn::GetAtt"][0]
            yield f"kube-system/{given['ServiceAccount']}", f"{path.partition('/')[0]}/{role}"


def parameters() -> dict[str, str]:
    """The values of k8s/staging, and the line each is of."""
    text = (ROOT / "k8s/staging/parameters.env").read_text()
    pairs = re.findall(r"^([a-z-]+)=(.*)$", text, re.MULTILINE)
    return {value: key for key, value in pairs}


def mounted() -> dict[str, set[tuple[str, str]]]:
    """What each ServiceAccount of the namespace mounts: the outputs that name its secrets."""
    documents, lines = rendered("staging"), parameters()
    found: dict[str, set[tuple[str, str]]] = {}
    for workload in workloads(documents):
        pod = template(workload)["spec"]
        classes = (
            each["csi"]["volumeAttributes"]["secretProviderClass"]
            for each in pod["volumes"]
            if "csi" in each
        )
        for name in classes:
            spec = one(documents, "SecretProviderClass", name)["spec"]["parameters"]
            objects = yaml.safe_load(spec["objects"])
            own = found.setdefault(pod["serviceAccountName"], set())
            own |= {outputs.FROM[lines[each["objectName"]]] for each in objects}
    return found


def may_read(templates: Templates, role: str) -> set[tuple[str, str]]:
    """The outputs that name what a role may read."""
    policies = properties(templates, role)["Policies"]
    named = [str(node) for at, node in branches(policies) if at.endswith("Fn::Sub")]
    found = (re.fullmatch(r"\$\{Platform\}-([a-z-]+)-(\w+)", each) for each in named)
    return {(each[1], each[2]) for each in found if each and each[1] != "keys"}


def test_each_identity_reads_what_it_mounts_and_nothing_else(
    templates: dict[str, Template],
) -> None:
    """Too little: the Pod does not start. Too much: one side's Pod could be the other."""
    by_account = dict(associations(templates))
    for account, secrets in mounted().items():
        assert may_read(templates, by_account[f"bukken/{account}"]) == secrets


def test_no_identity_is_given_twice(templates: dict[str, Template]) -> None:
    """AWS takes the first, and says nothing."""
    accounts = [account for account, _ in associations(templates)]

    assert len(accounts) == len(set(accounts))


def test_each_role_names_its_own_pods(templates: dict[str, Template]) -> None:
    """An association made by mistake, or by somebody else, gives nothing away."""
    for account, role in associations(templates):
        if role.endswith("/"):
            continue  # of another stack: fluent-bit's, below
        (statement,) = properties(templates, role)["AssumeRolePolicyDocument"]["Statement"]
        said = statement["Condition"]["StringEquals"]
        asked = "aws:RequestTag/kubernetes-"
        assert account == f"{said[f'{asked}namespace']}/{said[f'{asked}service-account']}"


def test_each_addon_that_calls_aws_has_its_role(templates: dict[str, Template]) -> None:
    """And the two charts' controllers have theirs."""
    wanted = {each["identity"] for each in ADDONS if "identity" in each}
    wanted |= {"kube-system/aws-load-balancer-controller", "kube-system/cluster-autoscaler"}

    assert wanted <= {account for account, _ in associations(templates)}


def test_each_addon_is_made(templates: dict[str, Template]) -> None:
    """Those of k8s/cluster/addons.yaml, and no other."""
    made = [name for each in templates.values() for name in places.addons_of(each).values()]

    assert sorted(made) == sorted(each["name"] for each in ADDONS)


def test_the_logs_go_into_the_stream_that_is_made(templates: dict[str, Template]) -> None:
    """The output of fluent-bit names it."""
    (fluent_bit,) = (each for each in ADDONS if each["name"] == "fluent-bit")
    stream = properties(templates, "logs/Lines")["DeliveryStreamName"]

    assert f"delivery_stream {stream}\n" in fluent_bit["configuration"]["config"]["outputs"]


def test_images_are_those_of_the_registry(templates: dict[str, Template]) -> None:
    """What a release pulls is what the stack makes, or what the cache fetches."""
    made = {
        each["Properties"]["RepositoryName"]
        for each in of_type(templates, "AWS::ECR::Repository").values()
    }
    prefix = properties(templates, "registry/DockerHub")["EcrRepositoryPrefix"]
    images = {
        each["image"]
        for workload in workloads(rendered("staging"))
        for each in containers(workload)
    }
    names = {re.sub(r"^[^/]+/|[:@].*$", "", image) for image in images}

    assert {name for name in names if not name.startswith(f"{prefix}/")} == made


def test_the_master_is_the_one_that_the_bootstrap_connects_as(
    templates: dict[str, Template],
) -> None:
    """And each role's secret says that role."""
    users = {
        name: yaml.safe_load(each["Properties"]["GenerateSecretString"]["SecretStringTemplate"])[
            "username"
        ]
        for name, each in templates["secrets"].resources.items()
        if "SecretStringTemplate" in each["Properties"]["GenerateSecretString"]
    }

    assert properties(templates, "database/Cluster")["MasterUsername"]["Fn::If"][2] == roles.MASTER
    assert set(users.values()) == set(roles.ROLES)


def test_the_scopes_are_those_that_are_asked_for(templates: dict[str, Template]) -> None:
    """By Envoy, from the table of paths; and no client has one that there is not."""
    server = properties(templates, "auth/Scopes")
    made = {f"{server['Identifier']}/{each['ScopeName']}" for each in server["Scopes"]}
    asked = {scope for text in _envoys() for scope in re.findall(r"bukken/[a-z]+\.[a-z]+", text)}
    clients = of_type(templates, "AWS::Cognito::UserPoolClient").values()

    assert asked
    assert asked <= made
    assert {scope for each in clients for scope in each["Properties"]["AllowedOAuthScopes"]} <= made


def _envoys() -> Iterator[str]:
    yield from (path.read_text() for path in (ROOT / "envoy").glob("*.yaml"))
    yield str(vars(paths))


def test_the_load_balancer_writes_where_it_may(templates: dict[str, Template]) -> None:
    """The bucket's policy names the prefix that the Ingress's class does."""
    (class_,) = of_kind(rendered("staging"), "IngressClassParams")
    attributes = {each["key"]: each["value"] for each in class_["spec"]["loadBalancerAttributes"]}
    (statement, _) = properties(templates, "edge/AccessLogsWriters")["PolicyDocument"]["Statement"]

    assert f"}}/{attributes['access_logs.s3.prefix']}/AWSLogs/" in statement["Resource"]["Fn::Sub"]


def test_the_load_balancer_finds_its_subnets(templates: dict[str, Template]) -> None:
    """By the tag that the class asks for."""
    (class_,) = of_kind(rendered("staging"), "IngressClassParams")
    wanted: Mapping[str, list[str]] = class_["spec"]["subnets"]["tags"]
    for zone in "ABC":
        tags = {
            each["Key"]: each["Value"]
            for each in properties(templates, f"network/Public{zone}")["Tags"]
        }
        assert all(tags.get(key) in values for key, values in wanted.items())


def test_there_is_a_group_of_nodes_for_each_zone(templates: dict[str, Template]) -> None:
    """As many as are counted."""
    zones = read(CLUSTER / "nodes.yaml")["zones"]

    assert len(of_type(templates, "AWS::EKS::Nodegroup")) == len(zones)


def test_the_places_name_what_the_examples_name(place: Place) -> None:
    """Region, host, ranges and connections: a test of one is a test of the other."""
    text = (ROOT / "k8s" / place.name / "parameters.env").read_text()
    said = dict(re.findall(r"^([a-z-]+)=(.*)$", text, re.MULTILINE))

    assert said["cluster"] == place.platform
    assert said["region"] == place.region
    assert said["host"] == place.values["Host"]
    assert said["database-max-connections"] == place.values["MaxConnections"]
    assert said["load-balancer-cidr"] == f"{place.values['AddressPrefix']}.0.0/20"
    assert said["control-cidr"] == f"{place.values['AddressPrefix']}.16.0/20"
    assert said["database-cidr"] == f"{place.values['AddressPrefix']}.48.0/20"


@pytest.mark.parametrize("name", ["DeliveryStreamName", "RepositoryName"])
def test_names_that_are_there_once_need_an_account_for_each_place(
    name: str, templates: dict[str, Template]
) -> None:
    """They have no platform in them: so no two places are in one account and region."""
    there = [
        at for each in templates.values() for at, _ in branches(each.parsed) if at.endswith(name)
    ]
    where = [places.read(each, templates=templates) for each in places.PLACES]

    assert there
    assert len({(each.account, each.region) for each in where}) == len(where)
