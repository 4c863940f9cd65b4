"""What every Pod of every overlay must have, jobs and stand-ins too: the standard `restricted`.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

import re
from collections.abc import Callable, Iterator

import pytest
from deployment.rendered import (
    ON_AWS,
    OVERLAYS,
    Document,
    Documents,
    containers,
    name_of,
    of_kind,
    one,
    rendered,
    template,
    workloads,
)

DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
SERVED_BY_VERSION = re.compile(r"/envoyproxy/envoy:v\d+\.\d+\.\d+$")


def rights(documents: Documents) -> Iterator[str]:
    """Pods and containers that may do what they need not."""
    for workload in workloads(documents):
        pod = template(workload)["spec"]
        for fault in _of_pod(pod):
            yield f"{name_of(workload)}: {fault}"
        for container in containers(workload):
            for fault in _of_container(container):
                yield f"{name_of(workload)}, {container['name']}: {fault}"


def _of_pod(pod: Document) -> Iterator[str]:
    context = pod.get("securityContext", {})
    if context.get("runAsNonRoot") is not True:
        yield "may run as root"
    if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "may make any system call"
    if pod.get("automountServiceAccountToken") is not False:
        yield "has a token for the API server"
    if pod.get("enableServiceLinks") is not False:
        yield "finds every Service in its environment"
    if {"hostNetwork", "hostPID", "hostIPC"} & pod.keys():
        yield "shares its node's namespaces"
    if any("hostPath" in volume for volume in pod.get("volumes", ())):
        yield "mounts its node's disk"


def _of_container(container: Document) -> Iterator[str]:
    context = container.get("securityContext", {})
    if context.get("allowPrivilegeEscalation") is not False:
        yield "may gain rights"
    if context.get("capabilities") != {"drop": ["ALL"]}:
        yield "keeps capabilities"
    if context.get("readOnlyRootFilesystem") is not True:
        yield "may change its own program"
    if not context.get("runAsUser"):
        yield "has no user by number, which is all that Kubernetes can check"


def unlimited(documents: Documents) -> Iterator[str]:
    """Containers and volumes that may take what was given to others."""
    for workload in workloads(documents):
        for container in containers(workload):
            resources = container.get("resources", {})
            requested = resources.get("requests", {})
            limits = {"memory": requested.get("memory")}
            if resources.get("limits") != limits or not {"cpu", "memory"} <= requested.keys():
                yield f"{name_of(workload)}, {container['name']}: {resources}"
        for volume in template(workload)["spec"].get("volumes", ()):
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                yield f"{name_of(workload)}: volume {volume['name']} may fill its node's disk"


def movable_images(documents: Documents) -> Iterator[str]:
    """Images that may be another program after a restart."""
    for workload in workloads(documents):
        for container in containers(workload):
            image = container["image"]
            if not (DIGEST.search(image) or SERVED_BY_VERSION.search(image)):
                yield f"{name_of(workload)}, {container['name']}: {image}"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_pod_has_a_right_it_does_not_need(overlay: str) -> None:
    """Jobs and stand-ins neither."""
    assert list(rights(rendered(overlay))) == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_container_is_counted(overlay: str) -> None:
    """Requests for CPU and memory, memory's limit equal to its request, no limit of CPU."""
    assert list(unlimited(rendered(overlay))) == []


@pytest.mark.parametrize("overlay", ON_AWS)
def test_images_cannot_be_moved(overlay: str) -> None:
    """Ours are named by digest, Envoy by its whole version."""
    assert list(movable_images(rendered(overlay))) == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_namespace_refuses_what_these_tests_refuse(overlay: str) -> None:
    """Pod security is enforced, not only warned of."""
    labels = one(rendered(overlay), "Namespace", "bukken")["metadata"]["labels"]

    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("overlay", ON_AWS)
def test_no_pod_is_made_without_a_readiness_gate(overlay: str) -> None:
    """Without the label the load balancer controller adds none, and says nothing."""
    labels = one(rendered(overlay), "Namespace", "bukken")["metadata"]["labels"]

    assert labels["elbv2.k8s.aws/pod-readiness-gate-inject"] == "enabled"


def _debug_image(app: Document) -> None:
    app["securityContext"] = {"privileged": True}


def _cpu_limit(app: Document) -> None:
    """A chaos sample's limit equals its request: throttled while the node idles."""
    app["resources"]["limits"]["cpu"] = "250m"


def _latest(app: Document) -> None:
    app["image"] = "111122223333.dkr.ecr.ap-northeast-1.amazonaws.com/bukken/query-api:latest"


@pytest.mark.parametrize(
    ("mistake", "rule"),
    [(_debug_image, rights), (_cpu_limit, unlimited), (_latest, movable_images)],
)
def test_a_right_too_many_is_named(
    mistake: Callable[[Document], None], rule: Callable[[Documents], Iterator[str]]
) -> None:
    """With the mistake in it, the overlay is refused."""
    documents = rendered("staging")
    *_, app = containers(one(documents, "Deployment", "query-api"))
    mistake(app)

    assert list(rule(documents)) != []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_identity_is_its_own(overlay: str) -> None:
    """No two workloads share a ServiceAccount: each has its own secret, and no other's."""
    documents = rendered(overlay)
    used = [
        template(workload)["spec"]["serviceAccountName"]
        for workload in workloads(documents)
        if "serviceAccountName" in template(workload)["spec"]
    ]

    assert sorted(used) == sorted(
        each["metadata"]["name"] for each in of_kind(documents, "ServiceAccount")
    )
