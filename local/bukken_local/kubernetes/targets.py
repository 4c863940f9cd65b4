"""The targets of the load balancer, as its controller registers and deregisters them.

Source: aws-load-balancer-controller, pkg/targetgroupbinding/resource_manager.go and
pkg/backend/endpoint_resolver.go; the numbers stand in delays.py.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence

import httpx

from bukken_local.kubernetes.delays import Delays
from bukken_local.kubernetes.kubelet import Pod
from bukken_local.kubernetes.late import Late

HealthyTargets = Callable[[], Awaitable[frozenset[str]]]
"""Asks the load balancer which addresses its checks have found healthy."""

ASK_SECONDS = 1


class TargetGroup:
    """The targets of one Service."""

    def __init__(self, pods: Callable[[], Iterable[Pod]], *, delays: Delays) -> None:
        self._pods = pods
        endpoints = delays.endpoints.seconds
        self._late = Late(
            joins_seconds=endpoints + delays.registration.seconds,
            leaves_seconds=endpoints + delays.deregistration.seconds,
        )
        self._gate_seconds = delays.readiness_gate.seconds
        self._next_look: dict[Pod, float] = {}

    def look(self, *, now: float) -> None:
        """Registers and deregisters."""
        self._late.look(self._truth(), now=now)

    def catch_up(self) -> None:
        """Has registered all at once."""
        self._late.catch_up(self._truth())

    def answer(self, *, now: float) -> Sequence[str]:  # noqa: ARG002 — AWS has no DNS in between
        """Its targets."""
        return sorted(self._late.known)

    async def open_gates(self, healthy: HealthyTargets, *, now: float) -> None:
        """Opens the readiness gate of each Pod that is due to be looked at and is healthy.

        Once open it stays so: the controller looks again only when something else has changed.
        """
        waiting = [pod for pod in self._pods() if not pod.gate_open and self._registered(pod)]
        self._next_look = {
            pod: self._next_look.get(pod, now + self._gate_seconds) for pod in waiting
        }
        due = [pod for pod, when in self._next_look.items() if when <= now]
        if not due:
            return
        found = await healthy()
        for pod in due:
            pod.gate_open = pod.home.address in found
            self._next_look[pod] = now + self._gate_seconds

    def _registered(self, pod: Pod) -> bool:
        return pod.home.address in self._late.known

    def _truth(self) -> Iterable[str]:
        # A Pod with a gate is registered when its containers are ready: it cannot be ready before
        # it is a target. Any other when it is ready, which is the same, for lack of a gate.
        return (pod.home.address for pod in self._pods() if pod.containers_ready)


async def healthy_targets(admin_url: str, *, clusters: Iterable[str]) -> frozenset[str]:
    """Which addresses the stand-in's own checks have found healthy; none if it does not answer."""
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=ASK_SECONDS) as client:
            answer = await client.get(f"{admin_url}/clusters?format=json")
    except httpx.TransportError:
        return frozenset()
    statuses = {each["name"]: each for each in answer.json()["cluster_statuses"]}
    return frozenset(
        host["address"]["socket_address"]["address"]
        for name in clusters
        for host in statuses[name].get("host_statuses", ())
        if not host["health_status"].get("failed_active_health_check")
    )
