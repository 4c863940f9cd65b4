"""Who may find a Pod: the headless Services, as the names that DNS answers for."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from bukken_local.kubernetes.delays import Delays
from bukken_local.kubernetes.kubelet import Pod
from bukken_local.kubernetes.late import Late
from bukken_local.kubernetes.objects import Service
from bukken_local.kubernetes.sandbox import NAMESPACE
from bukken_local.kubernetes.targets import TargetGroup

CLUSTER_DOMAIN = f"{NAMESPACE}.svc.cluster.local."

PodsOf = Callable[[Service], Iterable[Pod]]
"""Gives the Pods that a Service selects, as they are now."""


class Endpoints:
    """The addresses of a Service, as its EndpointSlice has them, and DNS a little later."""

    def __init__(self, service: Service, *, pods_of: PodsOf, delays: Delays) -> None:
        self._service = service
        self._pods_of = pods_of
        self._cache_seconds = delays.dns_cache.seconds
        seconds = delays.endpoints.seconds
        self._late = Late(joins_seconds=seconds, leaves_seconds=seconds)
        self._cached: tuple[float, Sequence[str]] = (0, ())

    def look(self, *, now: float) -> None:
        """Learns of what has changed."""
        self._late.look(self._truth(), now=now)

    def catch_up(self) -> None:
        """Knows all at once, and DNS with it."""
        self._late.catch_up(self._truth())
        self._cached = (0, ())

    def answer(self, *, now: float) -> Sequence[str]:
        """What CoreDNS answers: what it answered before, if that is not long ago."""
        until, addresses = self._cached
        if now >= until:
            addresses = sorted(self._late.known)
            self._cached = (now + self._cache_seconds, addresses)
        return addresses

    def _truth(self) -> Iterable[str]:
        # With publishNotReadyAddresses also those that start or stop: Envoy judges by its own
        # checks, and an empty answer would take all Pods out at once.
        every = self._service.spec.publish_not_ready_addresses
        pods = self._pods_of(self._service)
        return (pod.home.address for pod in pods if (pod.exists if every else pod.ready))


class Services:
    """The headless Services, and the target groups of those that the load balancer serves.

    A Service for ready Pods alone is one that the Ingress names: here it is the load balancer's
    stand-in that asks for it, and is told its targets. So it learns of a change as late as the ALB.
    """

    def __init__(self, services: Iterable[Service], *, pods_of: PodsOf, delays: Delays) -> None:
        self._clock = asyncio.get_running_loop().time
        self._names: dict[str, Endpoints | TargetGroup] = {}
        self.target_groups: list[TargetGroup] = []
        self.external: dict[str, Callable[[], Sequence[str]]] = {}
        """By name, what is no Pod's: a Service of type ExternalName. Its answer is never stale."""
        for service in services:
            if service.spec.publish_not_ready_addresses:
                self._names[service.name] = Endpoints(service, pods_of=pods_of, delays=delays)
            else:
                group = TargetGroup(lambda service=service: pods_of(service), delays=delays)  # type: ignore[misc]
                self._names[service.name] = group
                self.target_groups.append(group)

    def look(self) -> None:
        """Learns of what has changed."""
        for name in self._names.values():
            name.look(now=self._clock())

    def catch_up(self) -> None:
        """Knows at once what is there: at the start nobody has an older answer."""
        for name in self._names.values():
            name.catch_up()

    def lookup(self, name: str) -> Sequence[str] | None:
        """The addresses behind a DNS name; None if no Service has it."""
        service, _, domain = name.partition(".")
        if domain == CLUSTER_DOMAIN and service in self.external:
            return self.external[service]()
        if domain != CLUSTER_DOMAIN or service not in self._names:
            return None
        return self._names[service].answer(now=self._clock())
