"""How late each part of a cluster learns of a change: the numbers and their sources, in one place.

What the manifests or Envoy's files say (probes, preStop, refresh rates, the ALB's checks) is read
there and not repeated here. `measured` is what a real cluster showed.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, Self

ONLY_AWS = "only AWS shows it"


@dataclass(frozen=True, kw_only=True)
class Delay:
    """One number, why it is this one, and what was measured."""

    seconds: float
    source: str
    measured: str = "not yet"


@dataclass(frozen=True, kw_only=True)
class Delays:
    """All of them; a test runs on `scaled` ones and says the factor."""

    endpoints: Delay = Delay(
        seconds=0.1,
        source="the kubelet's status and the EndpointSlice controller both act on an event, and "
        "batch nothing (kube-controller-manager, endpointslice-updates-batch-period 0)",
        measured="0.00 to 0.10 s in four runs; the last: docs/real-cluster-figures.md",
    )
    """A Pod is ready, unready or told to stop → its Service's EndpointSlice says so."""

    dns_cache: Delay = Delay(
        seconds=5,
        source="https://coredns.io/plugins/kubernetes: ttl is 5 s where the Corefile names none, "
        "as EKS's; its `cache 30` keeps an answer no longer than that. kubeadm's says ttl 30",
        measured="0.0 to 5.1 s in four runs; the last: docs/real-cluster-figures.md",
    )
    """CoreDNS gives the answer it has for so long."""

    registration: Delay = Delay(
        seconds=2,
        source="provisional: the load balancer controller acts on the EndpointSlice's event and "
        "calls RegisterTargets; the first check comes with the stand-in's look at DNS, up to 5 s",
        measured=ONLY_AWS,
    )
    """An endpoint is there → the load balancer has it as a target, and begins to check it."""

    readiness_gate: Delay = Delay(
        seconds=15,
        source="defaultRequeueDuration in the load balancer controller's pkg/targetgroupbinding/"
        "resource_manager.go; its pull request 4617 is by people who find it long",
        measured=ONLY_AWS,
    )
    """From registration on, the controller looks every so long if the target is healthy yet."""

    deregistration: Delay = Delay(
        seconds=15,
        source="a Pod still got new requests after 5 s, and none that failed with 25 s "
        "(aws-load-balancer-controller issue 1064); 15 s were too few "
        "(alphagov/govuk-helm-charts 2202). With the stand-in's look at DNS it is 15 to 20 s",
        measured=ONLY_AWS,
    )
    """An endpoint is gone → the load balancer sends it nothing new."""

    eviction_retry: Delay = Delay(
        seconds=5,
        source="kubectl drain, when a budget says not yet: k8s.io/kubectl/pkg/drain/drain.go",
    )
    """Who drains a node asks again for an eviction that was refused."""

    def scaled(self, factor: float) -> Self:
        """All of them so many times shorter."""
        shorter: dict[str, Any] = {}
        for each in fields(self):
            delay: Delay = getattr(self, each.name)
            shorter[each.name] = replace(delay, seconds=delay.seconds / factor)
        return replace(self, **shorter)
