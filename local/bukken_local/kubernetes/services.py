"""Who may find a Pod: the headless Services, as the names that DNS answers for."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum

from bukken_local.kubernetes.delays import Delays
from bukken_local.kubernetes.dns import LookupFailed
from bukken_local.kubernetes.kubelet import Pod
from bukken_local.kubernetes.late import Late
from bukken_local.kubernetes.objects import Service
from bukken_local.kubernetes.sandbox import NAMESPACE
from bukken_local.kubernetes.targets import TargetGroup

CLUSTER_DOMAIN = f"{NAMESPACE}.svc.cluster.local."

PodsOf = Callable[[Service], Iterable[Pod]]
"""Gives the Pods that a Service selects, as they are now."""


class Outage(StrEnum):
    """What DNS does in place of answering."""

    EMPTY = "empty"
    SERVFAIL = "servfail"


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

    A Service that is not for Envoys is one that the Ingress names: here it is the load balancer's
    stand-in that asks for it, and is told its targets. So it learns of a change as late as the ALB.

    Attributes:
        outage: what DNS does to Envoys; the load balancer's targets do not come by DNS.
        controller_away: whether nobody tells the load balancer of new targets, or opens a gate.
    """

    def __init__(self, services: Iterable[Service], *, pods_of: PodsOf, delays: Delays) -> None:
        self._clock = asyncio.get_running_loop().time
        self._pods_of = pods_of
        self._delays = delays
        self.outage: Outage | None = None
        self.controller_away = False
        self.external: dict[str, Callable[[], Sequence[str]]] = {}
        """By name, what is no Pod's: a Service of type ExternalName. Its answer is never stale."""
        self.serve(services)

    def serve(self, services: Iterable[Service]) -> None:
        """Makes these the Services there are."""
        self._names = {service.name: self._made(service) for service in services}

    def _made(self, service: Service) -> Endpoints | TargetGroup:
        if service.is_for_envoys:
            return Endpoints(service, pods_of=self._pods_of, delays=self._delays)
        return TargetGroup(lambda: self._pods_of(service), delays=self._delays)

    @property
    def target_groups(self) -> list[TargetGroup]:
        """Those of the load balancer that its controller looks after at this moment."""
        if self.controller_away:
            return []
        return [each for each in self._names.values() if isinstance(each, TargetGroup)]

    def look(self) -> None:
        """Learns of what has changed."""
        for each in self._names.values():
            if isinstance(each, Endpoints) or not self.controller_away:
                each.look(now=self._clock())

    def catch_up(self) -> None:
        """Knows at once what is there: at the start nobody has an older answer."""
        for name in self._names.values():
            name.catch_up()

    def lookup(self, name: str) -> Sequence[str] | None:
        """The addresses behind a DNS name; None if no Service has it.

        Raises:
            LookupFailed: DNS is away.
        """
        service, _, domain = name.partition(".")
        if domain == CLUSTER_DOMAIN and service in self.external:
            return self.external[service]()
        if domain != CLUSTER_DOMAIN or service not in self._names:
            return None
        found = self._names[service]
        if self.outage is None or isinstance(found, TargetGroup):
            return found.answer(now=self._clock())
        if self.outage is Outage.SERVFAIL:
            raise LookupFailed(name)
        return ()
