"""Before a release: are those there, and answering, who make a release work?

Without the load balancer controller no Pod becomes a target; without the secrets' driver none
starts; without metrics the autoscalers stand still, which is only noticed under load.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from infra.deploy.versions import Finding
from k8s.release import contexts
from k8s.release.kubectl import Kubectl, KubectlError

DEPLOYMENTS: Final = (
    "kube-system/coredns",
    "kube-system/metrics-server",
    "kube-system/aws-load-balancer-controller",
    "kube-system/cluster-autoscaler",
)
DAEMON_SETS: Final = (
    "kube-system/aws-node",
    "kube-system/kube-proxy",
    "kube-system/eks-pod-identity-agent",
    "kube-system/eks-node-monitoring-agent",
    "kube-system/secrets-store-csi-driver",
    "kube-system/secrets-store-csi-driver-provider-aws",
    "fluent-bit/fluent-bit",
)
# What they answer: kinds that k8s/eks uses, numbers, and what is asked of each new Pod.
KINDS: Final = (
    "ingressclassparams.elbv2.k8s.aws",
    "secretproviderclasses.secrets-store.csi.x-k8s.io",
)
METRICS: Final = "v1beta1.metrics.k8s.io"
WEBHOOK: Final = "aws-load-balancer-webhook-service"


@dataclass(frozen=True)
class Readiness:
    """Asks the cluster that kubectl's current context names.

    Attributes:
        cluster: the one that it should name.
    """

    kubectl: Kubectl
    cluster: str

    def findings(self) -> Iterator[Finding]:
        """A line for each that a release needs."""
        yield self._context()
        yield from (self._deployment(each) for each in DEPLOYMENTS)
        yield from (self._daemon_set(each) for each in DAEMON_SETS)
        yield from (self._kind(each) for each in KINDS)
        yield self._metrics()
        yield self._webhook()
        yield self._zones()

    def _context(self) -> Finding:
        """Of another cluster all that follows would be true as well, and mean nothing."""
        context = self.kubectl.run("config", "current-context").strip()
        why = contexts.refusal_of_another(context, wanted=self.cluster)
        return Finding(good=why is None, text=why or f"kubectl speaks to {self.cluster}")

    def _deployment(self, name: str) -> Finding:
        found = self._get("deployment", name)
        wanted = found.get("spec", {}).get("replicas", 1)
        ready = found.get("status", {}).get("availableReplicas", 0)
        return Finding(
            good=bool(found) and ready >= wanted, text=f"{name}: {_of(ready, wanted, found)}"
        )

    def _daemon_set(self, name: str) -> Finding:
        found = self._get("daemonset", name)
        status = found.get("status", {})
        wanted, ready = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
        return Finding(
            good=bool(found) and ready >= wanted > 0, text=f"{name}: {_of(ready, wanted, found)}"
        )

    def _kind(self, name: str) -> Finding:
        found = self._get("customresourcedefinition", name)
        return Finding(
            good=_true(found, "Established"), text=f"{name}: {'known' if found else 'not there'}"
        )

    def _metrics(self) -> Finding:
        good = _true(self._get("apiservice", METRICS), "Available")
        return Finding(good=good, text=f"{METRICS}: {'answers' if good else 'does not answer'}")

    def _webhook(self) -> Finding:
        """With failurePolicy Fail no Pod is made while nobody stands behind it."""
        service = f"--selector=kubernetes.io/service-name={WEBHOOK}"
        said = self.kubectl.run(
            "get", "endpointslices", "--namespace=kube-system", service, "--output=json"
        )
        count = sum(len(each["endpoints"] or ()) for each in json.loads(said)["items"])
        return Finding(good=count > 0, text=f"{WEBHOOK}: {count} behind it")

    def _zones(self) -> Finding:
        options = ("nodes", "--output=json")
        nodes = json.loads(self.kubectl.run("get", *options))["items"]
        labels = (each["metadata"]["labels"] for each in nodes if _true(each, "Ready"))
        zones = {each.get("topology.kubernetes.io/zone") for each in labels}
        return Finding(good=len(zones) >= 3, text=f"nodes are ready in {len(zones)} zones")  # noqa: PLR2004 — a..c

    def _get(self, kind: str, name: str) -> dict[str, Any]:
        namespace, _, last = name.rpartition("/")
        where = (f"--namespace={namespace}",) if namespace else ()
        try:
            said = self.kubectl.run(
                "get", kind, last, *where, "--ignore-not-found", "--output=json"
            )
        except KubectlError as error:
            return {"error": str(error)}
        found: dict[str, Any] = json.loads(said) if said.strip() else {}
        return found


def _of(ready: int, wanted: int, found: dict[str, Any]) -> str:
    return found.get("error") or (f"{ready} of {wanted}" if found else "not there")


def _true(found: dict[str, Any], condition: str) -> bool:
    conditions = found.get("status", {}).get("conditions", ())
    return any(each["type"] == condition and each["status"] == "True" for each in conditions)
