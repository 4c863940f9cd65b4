"""The cluster that a test has, and how it is told and seen."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

import pytest
from kind.inside import pods as inside
from kind.watching import Document, Objects, Stream
from waiting import wait_until

from k8s.release.kubectl import NAMESPACE, Kubectl, Say
from k8s.release.steps import ROLLOUT_SECONDS, SERVING

CORE, HERE = "/api/v1", f"namespaces/{NAMESPACE}"
STOP_SECONDS = 150
"""A Pod stops within its grace of 90 s; its node may be busy."""
NO_IMAGE = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"}


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """What is there now, and what has happened since the tests began."""

    kubectl: Kubectl
    pods: Objects
    slices: Objects
    deployments: Objects
    autoscalers: Objects
    jobs: Objects

    @classmethod
    @contextmanager
    def seen(cls, say: Say) -> "Iterator[Cluster]":
        """The one that the current context names, watched as long as the block."""
        with ExitStack() as stack:

            def watch(api: str, kind: str) -> Objects:
                return stack.enter_context(closing(Objects(f"{api}/{HERE}/{kind}")))

            yield cls(
                kubectl=Kubectl(say),
                pods=watch(CORE, "pods"),
                slices=watch("/apis/discovery.k8s.io/v1", "endpointslices"),
                deployments=watch("/apis/apps/v1", "deployments"),
                autoscalers=watch("/apis/autoscaling/v2", "horizontalpodautoscalers"),
                jobs=watch("/apis/batch/v1", "jobs"),
            )

    def until(self, condition: Callable[[], object], *, what: str, seconds: float) -> float:
        """Waits, and says so; returns how many seconds it took."""
        self.kubectl.say(f"waiting: {what}")
        started = time.monotonic()

        def asked() -> object:
            if missing := self.missing_images():
                images = " ".join(missing)
                pytest.exit(f"kind-test: the cluster has no {images}: docs/real-cluster.md", 1)
            return condition()

        wait_until(asked, what=lambda: f"{what}; there are {self.picture()}", seconds=seconds)
        took = time.monotonic() - started
        self.kubectl.say(f"  it is so, after {took:.1f} s")
        return took

    def of(self, app: str) -> list[Document]:
        """A component's Pods, the stopping ones too; the oldest first."""
        found = [pod for pod in self.pods.now().values() if app_of(pod) == app]
        return sorted(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))

    def settled(self) -> bool:
        """Both sides have as many Pods as they want, all available, and none that is stopping."""
        return all(self._settled(app) for app in SERVING)

    def until_settled(self, *, seconds: float = STOP_SECONDS) -> float:
        """Waits for it."""
        return self.until(self.settled, what="both sides are settled", seconds=seconds)

    def roll_out(self) -> None:
        """Waits until the change just made has reached every Pod, and the old ones are gone."""
        for app in SERVING:
            self.kubectl.wait_for_rollout(app, seconds=ROLLOUT_SECONDS)
        self.until_settled()

    def until_gone(self, *pods: Document) -> None:
        """Waits until these Pods are, and others are in their place."""
        uids = {pod["metadata"]["uid"] for pod in pods}

        def gone() -> bool:
            return not any(pod["metadata"]["uid"] in uids for pod in self.pods.now().values())

        self.until(gone, what="they are gone", seconds=STOP_SECONDS)
        self.until_settled()

    def in_app(self, pod: Document, *command: str) -> str:
        """Runs a command in the app's container; what it printed."""
        name = pod["metadata"]["name"]
        return self.kubectl.run(
            "exec", f"--namespace={NAMESPACE}", name, "-c", "app", "--", *command
        )

    def missing_images(self) -> list[str]:
        """Those of ours that a node lacks: they are in no registry, so nobody will bring them."""
        return sorted(
            {
                status["image"]
                for pod in self.pods.now().values()
                for status in statuses(pod)
                if status["state"].get("waiting", {}).get("reason") in NO_IMAGE
                and "bukken/" in status["image"]
            }
        )

    def picture(self) -> str:
        """Which Pods there are, and how they are."""
        return ", ".join(
            f"{name} ({'stopping' if stopping(pod) else 'ready' if ready(pod) else 'not ready'})"
            for name, pod in sorted(self.pods.now().items())
        )

    def _settled(self, app: str) -> bool:
        deployment = self.deployments.now().get(app)
        pods = self.of(app)
        if not deployment or any(stopping(pod) for pod in pods):
            return False
        status, wanted = deployment["status"], deployment["spec"]["replicas"]
        counts = {status.get(key) for key in ("replicas", "updatedReplicas", "availableReplicas")}
        known = status.get("observedGeneration") == deployment["metadata"]["generation"]
        return bool(known and counts == {wanted} and len(pods) == wanted)


def app_of(pod: Document) -> str:
    """Its component's name."""
    return str(pod["metadata"].get("labels", {}).get("app.kubernetes.io/name"))


def statuses(pod: Document) -> list[Document]:
    """Of all its containers."""
    status = pod["status"]
    found: list[Document] = [
        *status.get("initContainerStatuses", ()),
        *status.get("containerStatuses", ()),
    ]
    return found


def status_of(pod: Document, container: str) -> Document:
    """A container's; empty before the kubelet has seen it."""
    return next((each for each in statuses(pod) if each["name"] == container), {})


def stopping(pod: Document) -> bool:
    """It has been told to."""
    return "deletionTimestamp" in pod["metadata"]


def ready(pod: Document) -> bool:
    """Its Services would send it requests."""
    return any(
        each["type"] == "Ready" and each["status"] == "True"
        for each in pod["status"].get("conditions", ())
    )


def stop_app(cluster: Cluster, pod: Document) -> None:
    """Stops all processes of its app, from its node: SIGSTOP."""
    node = pod["spec"]["nodeName"]
    options = (f"--namespace={inside.NODE_NAMESPACE}", f"--field-selector=spec.nodeName={node}")
    (seer,) = json.loads(cluster.kubectl.run("get", "pods", *options, "--output=json"))["items"]
    said = cluster.kubectl.run(
        "exec", options[0], seer["metadata"]["name"], "--",
        "python", "/kind-test/processes.py", "stop", pod["metadata"]["uid"],
    )  # fmt: skip
    assert "stopped" in said, f"no process of {pod['metadata']['name']} was found on {node}"


@contextmanager
def names_seen() -> Iterator[Stream]:
    """What DNS answers in the cluster, each change, as long as the block."""
    with closing(Stream("logs", "--follow", f"--namespace={NAMESPACE}", "names")) as stream:
        yield stream


@contextmanager
def processes_seen() -> Iterator[Stream]:
    """Which processes of the platform start and end on the nodes, as long as the block."""
    labels = "--selector=app.kubernetes.io/name=processes"
    namespace = f"--namespace={inside.NODE_NAMESPACE}"
    many = "--max-log-requests=20"
    with closing(Stream("logs", "--follow", namespace, labels, many, "--tail=-1")) as stream:
        yield stream
