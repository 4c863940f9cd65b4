"""The collector asks what our Pods answer, and is let in to ask it; nobody else is."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from alert_rules import discovered, jobs, scrape_configuration
from deployment.rendered import COMPONENTS, containers, one, rendered
from stack_documents import of_type, properties

from infra.deploy.templates import Template

ROOT = Path(__file__).parents[2]
FIGURES = 9902


def answered(component: str) -> set[str]:
    """Paths of Envoy's listener for figures, by its own file."""
    document = yaml.safe_load((ROOT / f"envoy/{component}.yaml").read_text())
    listeners = {each["name"]: each for each in document["static_resources"]["listeners"]}
    listener = listeners["metrics"]
    assert listener["address"]["socket_address"]["port_value"] == FIGURES
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    routes = manager["route_config"]["virtual_hosts"][0]["routes"]
    return {each["match"].get("path") for each in routes}


@pytest.mark.parametrize("component", COMPONENTS)
def test_what_is_asked_is_answered(component: str) -> None:
    """Envoy's listener has exact paths: another one is 404, and the Pod silent."""
    assert {job.path for job in jobs()} <= answered(component)


@pytest.mark.parametrize("component", COMPONENTS)
def test_each_pod_is_asked_at_its_port_for_figures(component: str) -> None:
    """The collector goes by the port's name, which one container of each Pod has, once."""
    deployment = one(rendered("staging"), "Deployment", component)
    ports = [port for each in containers(deployment) for port in each.get("ports", ())]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    name = labels["app.kubernetes.io/name"]
    asked = [
        port["containerPort"]
        for port in ports
        if jobs()[0].labels(discovered("a-pod", workload=name, port=port["name"]))
    ]

    assert asked == [FIGURES]


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed"])
def test_a_pod_that_does_not_run_is_not_asked(phase: str) -> None:
    """A Job that is done would be silent for ever."""
    assert [job.labels(discovered("a-pod", workload="migrate", phase=phase)) for job in jobs()] == [
        None,
        None,
    ]


def test_each_figure_says_whose_it_is() -> None:
    """The rules go by the workload, and a person by the Pod."""
    assert [job.labels(discovered("a-pod", workload="query-api")) for job in jobs()] == [
        {"job": "envoy", "workload": "query-api", "pod": "a-pod"},
        {"job": "app", "workload": "query-api", "pod": "a-pod"},
    ]


def test_both_questions_are_put_to_the_same_pods() -> None:
    """They differ in name and path alone; only our own namespace is looked at."""
    told: list[dict[str, Any]] = scrape_configuration()["scrape_configs"]
    own = {"job_name", "metrics_path"}
    rest = [{key: each[key] for key in each.keys() - own} for each in told]
    ours = {"role": "pod", "namespaces": {"names": ["bukken"]}}

    assert rest[0] == rest[1]
    assert rest[0]["kubernetes_sd_configs"] == [ours]


def test_it_asks_no_oftener_than_it_may() -> None:
    """The collector's own limit; and an answer may take longer than the app's measuring."""
    assert scrape_configuration()["global"] == {"scrape_interval": "30s", "scrape_timeout": "10s"}


def test_the_collector_is_where_the_policy_lets_it_in_from(templates: dict[str, Template]) -> None:
    """In the control subnets, whose range is the parameter's; a Pod is in none of them."""
    source = properties(templates, "collector/Collector")["Source"]["EksConfiguration"]
    nodes = of_type(templates, "AWS::EKS::Nodegroup").values()
    range_ = {"Fn::ImportValue": {"Fn::Sub": "${Platform}-network-ControlSubnets"}}
    control = {"Fn::Split": [",", range_]}

    assert source["SubnetIds"] == control
    assert all(each["Properties"]["Subnets"] != control for each in nodes)


def test_it_reaches_the_api_and_the_figures_and_nothing_else(
    templates: dict[str, Template],
) -> None:
    """Both ways are open on both sides: out of its group, and into the cluster's."""
    group = {"Fn::ImportValue": {"Fn::Sub": "${Platform}-cluster-SecurityGroup"}}
    out = properties(templates, "collector/Asking")["SecurityGroupEgress"]
    let_in = of_type(templates, "AWS::EC2::SecurityGroupIngress")
    ways = [each["Properties"] for path, each in let_in.items() if path.startswith("collector/")]

    assert properties(templates, "collector/Collector")["Source"]["EksConfiguration"][
        "SecurityGroupIds"
    ] == [{"Ref": "Asking"}]
    assert [(e["DestinationSecurityGroupId"], e["FromPort"], e["ToPort"]) for e in out] == [
        (group, 443, 443),
        (group, FIGURES, FIGURES),
    ]
    assert [(e["GroupId"], e["FromPort"], e["ToPort"]) for e in ways] == [
        (group, 443, 443),
        (group, FIGURES, FIGURES),
    ]
    assert {str(each["SourceSecurityGroupId"]) for each in ways} == {"{'Ref': 'Asking'}"}


def test_the_cluster_answers_at_a_private_address(templates: dict[str, Template]) -> None:
    """The collector asks its API from inside the network, by a name that is private there."""
    endpoint = properties(templates, "cluster/Cluster")["ResourcesVpcConfig"]
    network = properties(templates, "network/Vpc")

    assert endpoint["EndpointPrivateAccess"] is True
    assert properties(templates, "cluster/Cluster")["AccessConfig"]["AuthenticationMode"] == "API"
    assert network["EnableDnsHostnames"] is network["EnableDnsSupport"] is True
