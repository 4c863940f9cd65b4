from pathlib import Path

import pytest

from bukken_local.kubernetes.manifests import (
    Deployment,
    Probe,
    TcpSocket,
    read_deployment,
)
from bukken_local.kubernetes.reading import ManifestNotUnderstood
from bukken_local.processes import binaries

SOURCE = Path("k8s/base/thing.yaml")

MINIMAL = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: thing}
spec:
  template:
    spec:
      containers:
      - name: app
        image: thing
        ports: [{name: http, containerPort: 8080}]
        livenessProbe: {tcpSocket: {port: http}}
"""


def read(text: str) -> Deployment:
    """Reads a manifest from a string."""
    return read_deployment(text, source=SOURCE)


def test_a_missing_field_has_the_default_that_kubernetes_documents() -> None:
    """What a probe does not say is Kubernetes' default, and the grace is 30 s."""
    pod = read(MINIMAL).pod

    assert pod.termination_grace_period_seconds == 30
    assert pod.containers[0].liveness_probe == Probe(
        tcp_socket=TcpSocket(port="http"),
        initial_delay_seconds=0,
        period_seconds=10,
        timeout_seconds=1,
        success_threshold=1,
        failure_threshold=3,
    )


def test_a_port_is_found_by_its_name() -> None:
    """A probe may name a port of its container."""
    assert read(MINIMAL).pod.containers[0].port("http") == 8080


def test_a_port_that_nobody_named_is_refused() -> None:
    """A probe of a port name that the container lacks is an error that names both."""
    with pytest.raises(ManifestNotUnderstood, match="container app has no port named metrics"):
        read(MINIMAL).pod.containers[0].port("metrics")


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("shareProcessNamespace: true", "shareProcessNamespace"),
        ("hostNetwork: true", "hostNetwork"),
        ("restartPolicy: Never", "restartPolicy"),
        ("initContainers: [{name: migrate, image: x}]", "migrate is no native sidecar"),
        ("volumes: [{name: v, hostPath: {path: /}}]", "hostPath"),
        ("volumes: [{name: v}]", "exactly one of configMap"),
    ],
)
def test_what_would_change_a_pod_and_is_not_understood_is_refused(line: str, named: str) -> None:
    """A Pod's field that the runner does not know stops it, by file and name."""
    with pytest.raises(ManifestNotUnderstood, match=named) as refused:
        read(MINIMAL + f"      {line}\n")

    assert str(refused.value).startswith("k8s/base/thing.yaml: ")


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("lifecycle: {postStart: {exec: {command: [x]}}}", "postStart"),
        ("lifecycle: {preStop: {httpGet: {port: 1}}}", "httpGet"),
        ("readinessProbe: {periodSeconds: 1}", "exactly one of exec"),
        ("readinessProbe: {httpGet: {port: 1, scheme: HTTPS}}", "HTTPS"),
        ("startupProbe: {grpc: {port: 1}}", "grpc"),
        ("env: [{name: A, valueFrom: {resourceFieldRef: {}}}]", "resourceFieldRef"),
        ("volumeMounts: [{name: v, mountPath: /a, subPath: b}]", "subPath"),
    ],
)
def test_what_would_change_a_container_and_is_not_understood_is_refused(
    line: str, named: str
) -> None:
    """So does a container's field."""
    with pytest.raises(ManifestNotUnderstood, match=named):
        read(MINIMAL + f"        {line}\n")


def test_a_shared_directory_is_refused() -> None:
    """Containers that meet in an emptyDir would miss each other here."""
    mounts = "[{name: v, mountPath: /a}, {name: v, mountPath: /b}]"
    shared = f"        volumeMounts: {mounts}\n      volumes: [{{name: v, emptyDir: {{}}}}]\n"

    with pytest.raises(ManifestNotUnderstood, match="emptyDir v is shared"):
        read(MINIMAL + shared)


def test_a_file_without_a_deployment_is_refused() -> None:
    """A manifest the runner is told to run has exactly one Deployment."""
    with pytest.raises(ManifestNotUnderstood, match="0 Deployments, expected one"):
        read("kind: Service\n")


def test_what_changes_nothing_on_one_machine_is_read_over() -> None:
    """Limits, and who the Pod is to the API server, take no part here."""
    extra = "        resources: {limits: {memory: 1Gi}}\n      serviceAccountName: thing\n"

    assert read(MINIMAL + extra).name == "thing"


@pytest.mark.parametrize("name", ["command-api", "query-api", "inquiry-relay"])
def test_the_manifests_of_the_base_are_understood(name: str) -> None:
    """Each Deployment that is run here is read whole: an Envoy beside the app."""
    path = binaries.checkout() / "k8s" / "base" / f"{name}.yaml"
    pod = read_deployment(path.read_text(), source=path).pod

    assert [each.name for each in (*pod.init_containers, *pod.containers)] == ["envoy", "app"]
