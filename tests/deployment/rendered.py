"""What an overlay comes to: its documents, as kubectl makes them, and ways to find one."""

import copy
import functools
import subprocess
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
OVERLAYS = ("kind", "staging", "production")
ON_AWS = ("staging", "production")
SIDES = ("command-api", "query-api")
RELAY = "inquiry-relay"
COMPONENTS = (*SIDES, RELAY)
NAME = "app.kubernetes.io/name"
KUBECTL = Path(sysconfig.get_path("scripts")) / "kubectl"

Document = dict[str, Any]
Documents = list[Document]


def render(folder: Path) -> Documents:
    """What `kubectl apply -k` would send."""
    done = subprocess.run(
        [KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@functools.cache
def _rendered_once(overlay: str) -> Documents:
    return render(ROOT / "k8s" / overlay)


def rendered(overlay: str) -> Documents:
    """An overlay's documents, for the caller to change as it likes."""
    return copy.deepcopy(_rendered_once(overlay))


def of_kind(documents: Iterable[Document], *kinds: str) -> Documents:
    """Those of these kinds."""
    return [document for document in documents if document["kind"] in kinds]


def one(documents: Iterable[Document], kind: str, name: str) -> Document:
    """The one of this kind and name.

    Raises:
        ValueError: there is none, or several.
    """
    (found,) = (each for each in of_kind(documents, kind) if each["metadata"]["name"] == name)
    return found


def generated(documents: Iterable[Document], name: str) -> Document:
    """The ConfigMap of this name and a hash.

    Raises:
        ValueError: there is none, or several.
    """
    (found,) = (
        each
        for each in of_kind(documents, "ConfigMap")
        if each["metadata"]["name"].rpartition("-")[0] == name
    )
    return found


def workloads(documents: Iterable[Document]) -> Documents:
    """What makes Pods."""
    return of_kind(documents, "Deployment", "Job")


def template(workload: Document) -> Document:
    """What its Pods are made from."""
    found: Document = workload["spec"]["template"]
    return found


def containers(workload: Document) -> Iterator[Document]:
    """All containers of its Pods, sidecars first."""
    pod = template(workload)["spec"]
    yield from (*pod.get("initContainers", ()), *pod["containers"])


def name_of(document: Document) -> str:
    """Kind and name, for a fault's sentence."""
    return f"{document['kind']} {document['metadata']['name']}"


def base_document(side: str, kind: str) -> Document:
    """The first document of a kind in a component's file of k8s/base."""
    text = (ROOT / "k8s/base" / f"{side}.yaml").read_text()
    return next(document for document in yaml.safe_load_all(text) if document["kind"] == kind)
