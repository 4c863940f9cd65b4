"""What docker-compose.yml promises by its lines alone; no engine is asked."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bukken_local.database.home import SETTINGS
from bukken_local.kubernetes.manifests import Container, read_deployment

ROOT = Path(__file__).parents[2]
SIDES = ("command-api", "query-api")
COMPONENTS = (*SIDES, "inquiry-relay")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
JOBS = {"secrets", "bootstrap", "migrate"}
PODS = [f"{side}-{number}" for side in SIDES for number in (1, 2)] + ["inquiry-relay-1"]
SANDBOXES = {f"{pod}-pod" for pod in PODS}
SOCKETS_ARE_ITS_OWN = {"unix_socket_directories"}  # a container's are its own


def containers_of(side: str) -> tuple[Container, Container]:
    """A Deployment's sidecar and app."""
    source = ROOT / "k8s/base" / f"{side}.yaml"
    pod = read_deployment(source.read_text(), source=source).pod
    return pod.init_containers[0], pod.containers[0]


def limits_of(side: str) -> list[str]:
    """The memory limits of a Deployment, as Compose writes them."""
    documents = yaml.safe_load_all((ROOT / "k8s/base" / f"{side}.yaml").read_text())
    deployment = next(document for document in documents if document["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    containers = [pod["initContainers"][0], pod["containers"][0]]
    return [each["resources"]["limits"]["memory"].replace("Mi", "m") for each in containers]


@pytest.mark.parametrize("pod", PODS)
def test_containers_have_the_memory_they_have_on_kubernetes(pod: str) -> None:
    """What is killed for memory there is killed for it here."""
    services = [SERVICES[f"{pod}-envoy"], SERVICES[pod]]

    assert [service["mem_limit"] for service in services] == limits_of(pod[:-2])


@pytest.mark.parametrize("side", COMPONENTS)
def test_envoy_is_started_as_on_kubernetes(side: str) -> None:
    """The same arguments, the same unchanged file, the same user."""
    sidecar, service = containers_of(side)[0], SERVICES[f"{side}-1-envoy"]

    assert service["entrypoint"] == list(sidecar.command)
    assert service["command"] == list(sidecar.args)
    assert f"./envoy/{side}.yaml:/etc/envoy/envoy.yaml:ro" in service["volumes"]


@pytest.mark.parametrize("side", COMPONENTS)
def test_a_container_is_asked_what_its_probe_asks_on_kubernetes(side: str) -> None:
    """A sidecar is healthy of itself, an app when it is ready: each has its own state."""
    probe = containers_of(side)[0].startup_probe
    asked = [SERVICES[f"{side}-1{of}"]["healthcheck"]["test"][2:] for of in ("-envoy", "")]

    assert probe
    assert probe.http_get
    assert asked[0] == ["/answers", "9902", "200", "GET", probe.http_get.path]
    assert asked[1] == ["/answers", "8000", "200", "GET", "/healthz/ready"]


def test_what_is_made_from_this_tree_is_made_at_each_start() -> None:
    """After a `git pull`, `up` runs what was pulled and not last week's image."""
    policies = {name: s["pull_policy"] for name, s in SERVICES.items() if "build" in s}

    assert len(policies) == 6
    assert set(policies.values()) == {"build"}


@pytest.mark.parametrize("pod", PODS)
def test_a_pods_containers_share_a_network_that_neither_owns(pod: str) -> None:
    """Whichever of the two is restarted, the other keeps the network it has."""
    shared = {SERVICES[name]["network_mode"] for name in (pod, f"{pod}-envoy")}

    assert shared == {f"service:{pod}-pod"}


def test_the_load_balancer_alone_is_published_and_for_this_machine() -> None:
    """Nobody in the same café reaches the platform, and nobody goes past the load balancer."""
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

    assert published == {"alb": ["127.0.0.1:${BUKKEN_PORT:-8088}:8088"]}


def test_what_runs_on_has_a_health_check_and_is_started_again() -> None:
    """`up --wait` waits for what serves; jobs end, and a sandbox does nothing that could fail."""
    for name, service in SERVICES.items():
        assert ("healthcheck" in service) == (name not in JOBS | SANDBOXES), name
        assert service["restart"] == ("no" if name in JOBS else "unless-stopped")


def test_no_container_has_a_right_or_a_disk_it_does_not_need() -> None:
    """Root file systems are read-only, capabilities dropped for good, memory and logs bounded."""
    for name, service in SERVICES.items():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert {"mem_limit", "logging"} <= service.keys(), name


@pytest.mark.parametrize(
    ("secret", "knowers"),
    [
        ("database-master", {"primary", "storage", "standby", "bootstrap"}),
        ("database-migrator", {"bootstrap", "migrate"}),
        (
            "command-api-database",
            {"bootstrap", "command-api-1", "command-api-2", "inquiry-relay-1"},
        ),
        ("inquiry-relay-client", {"issuer", "inquiry-relay-1"}),
        ("query-api-database", {"bootstrap", "query-api-1", "query-api-2"}),
        ("consistency", {f"{side}-{number}" for side in SIDES for number in (1, 2)}),
        ("issuer-keys", {"issuer"}),
        ("issuer-clients", {"issuer", "legacy"}),
    ],
)
def test_a_secret_is_a_file_of_those_who_may_know_it(secret: str, knowers: set[str]) -> None:
    """Each process can read its own password and nobody else's."""
    mounting = {
        name
        for name, service in SERVICES.items()
        if any(volume.startswith(f"{secret}:") for volume in service.get("volumes", []))
    }

    assert mounting - {"secrets"} == knowers
    assert not re.search("PASSWORD: ", (ROOT / "docker-compose.yml").read_text())


@pytest.mark.parametrize("name", ["primary", "storage", "standby"])
def test_postgresql_is_stopped_and_reached_as_it_should_be(name: str) -> None:
    """SIGTERM would wait for the last session; whoever reaches the socket needs no password."""
    service = SERVICES[name]

    assert service["stop_signal"] == "SIGINT"
    assert service["tmpfs"][0] == "/var/run/postgresql:uid=999,gid=999,mode=0770"


def test_postgresql_is_set_as_in_the_first_place() -> None:
    """What is proven of the database on processes is proven of it in containers."""
    text = (ROOT / "compose/postgres/postgresql.conf").read_text()
    here = dict(re.findall(r"^(\w+) = '(.*)'$", text, re.MULTILINE))
    expected = {name: SETTINGS[name] for name in SETTINGS.keys() - SOCKETS_ARE_ITS_OWN}

    assert here | expected == here


def test_every_knob_is_explained() -> None:
    """What can be set is in .env.example with its default, and nothing else is."""
    knobs = re.findall(r"\$\{(\w+):-(\w+)\}", (ROOT / "docker-compose.yml").read_text())
    example = dict(re.findall(r"^#(\w+)=(\w+)$", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert example == {**dict(knobs), "COMPOSE_PROJECT_NAME": COMPOSE["name"]}
