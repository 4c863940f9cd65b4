"""Which Pods have served after each release: a record in the cluster, by which one goes back.

Why not one revision back on each side, as `kubectl rollout undo` does? The revision before may be
of a release that failed and was undone; and where a release changed one side alone, the other
would go back one too far. ReplicaSets keep their names while revisions are numbered anew.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from k8s.release.errors import ReleaseError
from k8s.release.kubectl import NAMESPACE, Document, Kubectl

RECORD: Final = "releases"
KEPT: Final = 6  # the one that serves, and as many as Kubernetes keeps (revisionHistoryLimit)
REVISION: Final = "deployment.kubernetes.io/revision"


@dataclass(frozen=True)
class Pods:
    """Those of one revision of a Deployment."""

    replica_set: str
    revision: int
    ready: int


@dataclass(frozen=True)
class Served:
    """What served after a release.

    Attributes:
        release: its name.
        sets: each Deployment's ReplicaSet.
    """

    release: str
    sets: Mapping[str, str]


@dataclass(frozen=True)
class History:
    """What the cluster knows of the releases of these Deployments."""

    deployments: Sequence[str]
    kubectl: Kubectl

    def now(self) -> dict[str, Pods]:
        """Each Deployment's newest revision; nothing of those not there yet."""
        return {name: pods[-1] for name, pods in self._revisions().items() if pods}

    def what_serves(self) -> str:
        """Which revisions have ready Pods, in a sentence."""
        return "; ".join(
            f"{name}: "
            + (
                ", ".join(f"revision {p.revision} ({p.ready} ready)" for p in pods if p.ready)
                or "none"
            )
            for name, pods in self._revisions().items()
        )

    def begin(self, before: Mapping[str, Pods]) -> None:
        """Without a record, what is there before a release is its first line."""
        if before and not self._served():
            self._write([Served("before the record", _sets(before))])

    def add(self, release: str) -> None:
        """What is there now serves."""
        served, sets = self._served(), _sets(self.now())
        if not served or served[-1].sets != sets:
            self._write([*served, Served(release, sets)])

    def before(self) -> Served:
        """What served before that which is there now.

        Raises:
            ReleaseError: there is nothing on record.
        """
        now = _sets(self.now())
        for each in reversed(self._served()):
            if each.sets != now:
                return each
        raise ReleaseError("no release before this one is on record; nothing is touched")

    def revisions_of(self, served: Served) -> dict[str, Pods]:
        """Where each side would go back to.

        Raises:
            ReleaseError: a side has nothing of it left.
        """
        there = {pods.replica_set: pods for each in self._revisions().values() for pods in each}
        if gone := [each for each in served.sets.values() if each not in there]:
            raise ReleaseError(
                f"release {served.release}: {', '.join(gone)} is no longer kept; nothing is touched"
            )
        return {name: there[each] for name, each in served.sets.items()}

    def back_at(self, served: Served) -> None:
        """Forgets what came after: going back again goes further back."""
        before = self._served()
        self._write(before[: before.index(served) + 1])

    def _revisions(self) -> dict[str, list[Pods]]:
        found: dict[str, list[Pods]] = {name: [] for name in self.deployments}
        for each in self.kubectl.all("replicasets"):
            (owner, *_) = each["metadata"].get("ownerReferences", [{"name": None}])
            if owner["name"] in found:
                found[owner["name"]].append(_pods(each))
        return {name: sorted(pods, key=lambda each: each.revision) for name, pods in found.items()}

    def _served(self) -> list[Served]:
        found = self.kubectl.get("configmap", RECORD)
        lines = json.loads(found["data"]["served"]) if found else []
        return [Served(line["release"], line["sets"]) for line in lines]

    def _write(self, served: list[Served]) -> None:
        lines = [{"release": each.release, "sets": dict(each.sets)} for each in served[-KEPT:]]
        labels = {"app.kubernetes.io/part-of": "bukken"}
        record = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": RECORD, "namespace": NAMESPACE, "labels": labels},
            "data": {"served": json.dumps(lines, indent=1)},
        }
        self.kubectl.apply([record])


def _pods(replica_set: Document) -> Pods:
    metadata, status = replica_set["metadata"], replica_set.get("status", {})
    revision = int(metadata["annotations"].get(REVISION, 0))
    return Pods(metadata["name"], revision, status.get("readyReplicas", 0))


def _sets(pods: Mapping[str, Pods]) -> dict[str, str]:
    return {name: each.replica_set for name, each in pods.items()}
