"""What is said in several places is said alike: processes, containers, Kubernetes."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from deployment.load_balancer import cluster, envoy_file
from deployment.rendered import (
    OVERLAYS,
    ROOT,
    SIDES,
    Document,
    Documents,
    containers,
    generated,
    of_kind,
    one,
    rendered,
    template,
)

from bukken_database.settings import DatabaseSettings
from bukken_local.network import ISSUER_PORT
from command_api.settings import Settings as CommandSettings
from query_api.settings import Settings as QuerySettings

SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
APP_PORTS = {
    "command-api": CommandSettings.model_fields["port"].default,
    "query-api": QuerySettings.model_fields["port"].default,
}
INHERENT = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD_FILE", "POSTGRES_INITDB_ARGS"}


def listeners(side: str) -> dict[str, int]:
    """Where a sidecar listens: name and port."""
    found = envoy_file(side)["static_resources"]["listeners"]
    return {each["name"]: each["address"]["socket_address"]["port_value"] for each in found}


def port_of(cluster_name: str, *, file: str) -> int:
    """Where an Envoy file looks for a cluster."""
    (group,) = cluster(envoy_file(file), cluster_name)["load_assignment"]["endpoints"]
    address = group["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
    port: int = address["port_value"]
    return port


def disagreements(documents: Documents) -> Iterator[str]:
    """Ports of Deployments and Services that are not those of the Envoy files and of the apps."""
    for side in SIDES:
        deployment = one(documents, "Deployment", side)
        envoy, _ = containers(deployment)
        declared = {port["name"]: port["containerPort"] for port in envoy["ports"]}
        at = listeners(side)
        if declared != {"http": at["ingress"], "metrics": at["metrics"]}:
            yield f"{side}: the sidecar listens at {at}, its container declares {declared}"
        for name in (side, f"{side}-mesh"):
            (port,) = one(documents, "Service", name)["spec"]["ports"]
            if port["port"] != at["ingress"]:
                yield f"Service {name}: {port['port']}"
        if port_of("local_app", file=side) != APP_PORTS[side]:
            yield f"{side}: Envoy looks for the app at another port than it listens on"
        if port_of(side, file="alb") != at["ingress"]:
            yield f"{side}: the ALB's stand-in looks for it at another port"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_ports_agree(overlay: str) -> None:
    """Listeners, containers, Services, the app, and who looks for them."""
    assert list(disagreements(rendered(overlay))) == []


@pytest.mark.parametrize("change", [8081, 9901])
def test_a_port_of_its_own_is_named(change: int) -> None:
    """A Service that leads elsewhere than Envoy listens is found without a cluster."""
    documents = rendered("staging")
    one(documents, "Service", "query-api")["spec"]["ports"][0]["port"] = change

    assert list(disagreements(documents)) == [f"Service query-api: {change}"]


def test_databases_and_issuers_are_where_the_other_places_have_them() -> None:
    """One port each, in processes, containers and kind."""
    documents = rendered("kind")
    database, issuer = (
        one(documents, "Service", name)["spec"]["ports"][0]["port"]
        for name in ("database-writer", "issuer")
    )

    assert (database, issuer) == (
        DatabaseSettings.model_fields["database_port"].default,
        ISSUER_PORT,
    )
    assert generated(documents, "bukken")["data"]["database-port"] == str(database)


@pytest.mark.parametrize("side", SIDES)
def test_an_app_is_started_as_its_image_starts_it(side: str) -> None:
    """What was tried with `docker run` is what runs."""
    dockerfile = (ROOT / "services" / side / "Dockerfile").read_text()
    (command,) = re.findall(r'^CMD \["(.+)"\]$', dockerfile, re.MULTILINE)
    *_, app = containers(one(rendered("staging"), "Deployment", side))

    assert app["command"] == command.split('", "')


@pytest.mark.parametrize("side", SIDES)
def test_compose_sets_nothing_that_kubernetes_does_not(side: str) -> None:
    """But for how much is logged, which is for who develops."""
    *_, app = containers(one(rendered("kind"), "Deployment", side))
    there = {each["name"] for each in app["env"]}

    assert SERVICES[f"{side}-1"]["environment"].keys() - there == {"BUKKEN_LOG_LEVEL"}


@pytest.mark.parametrize("name", ["bootstrap", "migrate"])
def test_jobs_are_those_of_compose(name: str) -> None:
    """The same start command, image and settings."""
    (job,) = (
        each
        for each in of_kind(rendered("kind"), "Job")
        if each["metadata"]["name"].startswith(f"{name}-")
    )
    (app,) = containers(job)
    known = {each["name"] for each in app["env"]}

    assert (app["command"], app["image"]) == (SERVICES[name]["command"], SERVICES[name]["image"])
    assert SERVICES[name]["environment"].keys() <= known


def test_kind_runs_the_images_that_compose_builds() -> None:
    """`docker compose build` is all it needs, and nothing is asked of a registry."""
    images = {container["image"] for each in _workloads() for container in containers(each)}
    built = {service["image"] for service in SERVICES.values()}

    assert images <= built


def test_every_image_without_a_version_is_never_asked_for() -> None:
    """By default `latest` is asked of a registry at each start, and kind has none."""
    for workload in _workloads():
        for container in containers(workload):
            asked = container.get("imagePullPolicy") != "IfNotPresent"
            assert not asked or ":" in container["image"], container["image"]


def _workloads() -> list[Document]:
    return of_kind(rendered("kind"), "Deployment", "Job")


def test_the_database_of_kind_is_made_like_that_of_compose() -> None:
    """The same user, encoding and locale: a primary of the one is a primary of the other."""
    (postgres,) = containers(one(rendered("kind"), "Deployment", "database-primary"))
    there = {each["name"]: each["value"] for each in postgres["env"] if each["name"] in INHERENT}

    assert there == SERVICES["primary"]["environment"]


@pytest.mark.parametrize("place", ["local/place", "compose", "k8s/kind", "k8s/eks"])
def test_each_place_has_the_same_clusters(place: str) -> None:
    """What the sidecars name is in each place's own file, and nothing else."""
    clusters = yaml.safe_load((ROOT / place / "clusters.yaml").read_text())["resources"]

    assert [each["name"] for each in clusters] == ["issuer"]


@pytest.mark.parametrize("place", ["compose", "k8s/kind", "k8s/eks"])
def test_the_back_end_is_guarded_alike_everywhere(place: str) -> None:
    """Only how it is found and spoken to differs by place, not how much it is asked."""
    there, here = (
        yaml.safe_load((ROOT / each / "relay.yaml").read_text())["resources"]
        for each in (place, "local/place")
    )
    found_by = {"type", "cluster_type", "load_assignment", "transport_socket"}
    guards = [{k: v for k, v in each[1].items() if k not in found_by} for each in (there, here)]

    assert [each["name"] for each in there] == ["token-endpoint", "back-end"]
    assert guards[0] == guards[1]
    assert {"outlier_detection", "circuit_breakers", "common_lb_config"} <= guards[0].keys()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_tokens_are_judged_by_one_file(overlay: str) -> None:
    """Whose tokens are believed, and how, is `local/place/jwt.yaml` but for the issuer."""
    text = generated(rendered(overlay), "envoy-place")["data"]["jwt.yaml"]
    there, here = (
        yaml.safe_load(each)["resources"][0]["typed_config"]
        for each in (text, (ROOT / "local/place/jwt.yaml").read_text())
    )
    for each in (there, here):
        provider = each["providers"]["issuer"]
        provider.pop("issuer")
        provider["remote_jwks"]["http_uri"].pop("uri")

    assert there == here


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_mounts_the_files_of_its_own_side(overlay: str) -> None:
    """The sidecar's file in Kubernetes is the one that every other place has, unchanged."""
    documents = rendered(overlay)
    for side in SIDES:
        volumes = template(one(documents, "Deployment", side))["spec"]["volumes"]
        (name,) = (each["configMap"]["name"] for each in volumes if each["name"] == "envoy")
        text = one(documents, "ConfigMap", name)["data"]["envoy.yaml"]
        assert text == (ROOT / "envoy" / f"{side}.yaml").read_text()
