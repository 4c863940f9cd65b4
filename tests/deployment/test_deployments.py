from pathlib import Path
from typing import Any

import pytest
import yaml
from deployment.rendered import base_document

from bukken_contract import drain
from bukken_local.kubernetes.manifests import Container, PodSpec, read_deployment

ROOT = Path(__file__).parents[2]
SIDES = ("command-api", "query-api")
COMPONENTS = (*SIDES, "inquiry-relay")
WITHOUT = {
    "command-api": {"NetworkPolicy"},  # it calls nobody
    "query-api": set[str](),
    "inquiry-relay": {"Service", "HorizontalPodAutoscaler"},  # nobody calls it; two are enough
}


def text_of(side: str) -> str:
    """A Deployment's file."""
    return (ROOT / "k8s/base" / f"{side}.yaml").read_text()


def spec_of(side: str) -> dict[str, Any]:
    """A Deployment's spec, as written."""
    spec: dict[str, Any] = base_document(side, "Deployment")["spec"]
    return spec


def pod_of(side: str) -> PodSpec:
    """A Deployment's Pod, as the runner of local/ reads it."""
    return read_deployment(text_of(side), source=Path(side)).pod


def containers_of(side: str) -> list[dict[str, Any]]:
    """All containers of a Pod, as written."""
    pod = spec_of(side)["template"]["spec"]
    found: list[dict[str, Any]] = pod["initContainers"] + pod["containers"]
    return found


def envoy_of(side: str) -> Container:
    """The sidecar."""
    return pod_of(side).init_containers[0]


def twins(text: str) -> list[Any]:
    """A file's documents but for who calls whom: its policy, and query-api's way to the writer."""
    documents = [each for each in yaml.safe_load_all(text) if each["kind"] != "NetworkPolicy"]
    app = documents[1]["spec"]["template"]["spec"]["containers"][0]
    app["env"] = [each for each in app["env"] if each["name"] != "BUKKEN_DATABASE_WRITER_HOST"]
    return documents


ORDER = (
    "ServiceAccount",
    "Deployment",
    "Service",
    "Service",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "NetworkPolicy",
)


@pytest.mark.parametrize("side", COMPONENTS)
def test_a_components_documents_have_one_order(side: str) -> None:
    """Who knows one component's file finds everything in the next one's."""
    kinds = [document["kind"] for document in yaml.safe_load_all(text_of(side))]

    assert kinds == [kind for kind in ORDER if kind not in WITHOUT[side]]


def test_the_two_differ_only_in_names() -> None:
    """What is right for one side's Pods is right for the other's."""
    renamed = (
        text_of("command-api")
        .replace("command-api", "query-api")
        .replace("command_api", "query_api")
        .replace("database-writer-host", "database-reader-host")
    )

    assert twins(renamed) == twins(text_of("query-api"))


@pytest.mark.parametrize("side", SIDES)
def test_a_release_never_lowers_capacity(side: str) -> None:
    """A new Pod is up before an old one goes, and the autoscaler's number is left alone."""
    spec = spec_of(side)

    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert "replicas" not in spec


@pytest.mark.parametrize("side", COMPONENTS)
def test_memory_is_reserved_in_full_and_cpu_is_not_limited(side: str) -> None:
    """No container can be killed for another's growth, or throttled while a core idles."""
    for container in containers_of(side):
        resources = container["resources"]
        assert resources["limits"] == {"memory": resources["requests"]["memory"]}
        assert "cpu" in resources["requests"]


@pytest.mark.parametrize("side", COMPONENTS)
def test_containers_have_no_rights(side: str) -> None:
    """Each container fits the Pod Security Standard `restricted`, and writes to no image."""
    pod = spec_of(side)["template"]["spec"]["securityContext"]
    for container in containers_of(side):
        context = container["securityContext"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert (context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"]) == (
            False,
            True,
        )
        assert context["runAsUser"] > 0
    assert (pod["runAsNonRoot"], pod["seccompProfile"]) == (True, {"type": "RuntimeDefault"})


@pytest.mark.parametrize("side", COMPONENTS)
def test_envoy_is_a_native_sidecar(side: str) -> None:
    """It starts before the app and stops after it, and its own preStop does not cut it short."""
    envoy = envoy_of(side)

    assert envoy.restart_policy == "Always"
    assert envoy.startup_probe
    assert envoy.lifecycle.pre_stop is None


@pytest.mark.parametrize("side", COMPONENTS)
def test_every_probe_asks_a_path_that_envoy_serves_there(side: str) -> None:
    """The app's port is closed to the kubelet: a probe that asks it could never pass."""
    envoy = envoy_of(side)
    (app,) = pod_of(side).containers
    asked = [
        (container.port(probe.http_get.port), probe.http_get.path)
        for container in (envoy, app)
        for probe in (container.startup_probe, container.readiness_probe, container.liveness_probe)
        if probe and probe.http_get
    ]

    assert asked == [
        (9902, "/ready"),
        (8080, "/healthz/lb"),
        (9902, "/live"),
        (9902, "/healthz/live"),
        (9902, "/healthz/live"),
    ]


@pytest.mark.parametrize("side", COMPONENTS)
def test_no_probe_of_the_app_asks_for_the_database(side: str) -> None:
    """An app that waits for its database is not killed for it, at the start or later."""
    (app,) = pod_of(side).containers

    for probe in (app.startup_probe, app.liveness_probe):
        assert probe
        assert probe.http_get
        assert probe.http_get.path == "/healthz/live"


@pytest.mark.parametrize("side", SIDES)
def test_stopping_begins_with_the_drain(side: str) -> None:
    """The app's preStop is the drain program of the contract."""
    (app,) = pod_of(side).containers
    assert app.lifecycle.pre_stop

    assert app.lifecycle.pre_stop.exec_.command == ("python", "-m", drain.__name__)
