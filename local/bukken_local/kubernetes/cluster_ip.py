"""A Service's stable address, as kube-proxy makes one; no Service of `k8s/base` has any.

It is here for the drill that holds it against headless Services. Who asks for the name learns of
one address. Each new connection goes to one of the ready Pods that kube-proxy knows of, by chance,
and stays there until it ends: rules are for new connections, and those that are established are
left alone (kubernetes/kubernetes, pkg/proxy/iptables/proxier.go; only UDP's are flushed). Unlike
there, a connection to a Pod that refuses it is first taken and then reset.
"""

import random
from collections.abc import Callable, Iterable, Sequence

from bukken_local.database.endpoint import Address, Endpoint
from bukken_local.kubernetes.delays import Delays
from bukken_local.kubernetes.kubelet import Pod
from bukken_local.kubernetes.late import Late

PORT = 8080  # the Services' own, and that of the Pods' Envoys


class ClusterIp:
    """The stable address of one Service; nobody answers there before `start`."""

    def __init__(self, pods: Callable[[], Iterable[Pod]], *, delays: Delays) -> None:
        self._pods = pods
        seconds = delays.endpoints.seconds + delays.proxy_rules.seconds
        self._late = Late(joins_seconds=seconds, leaves_seconds=seconds)
        self._endpoint: Endpoint | None = None
        self._chance = random.Random(0)  # noqa: S311 — no secret; the same drill twice is the same

    async def start(self, *, host: str) -> None:
        """Takes connections at this address."""
        self._endpoint = Endpoint(Address(host, PORT), pick=self._pick)
        await self._endpoint.start()

    async def stop(self) -> None:
        """Takes no more, and cuts all."""
        if self._endpoint is not None:
            await self._endpoint.stop()

    def look(self, *, now: float) -> None:
        """Learns of what has changed."""
        self._late.look(self._truth(), now=now)

    def catch_up(self) -> None:
        """Knows all at once."""
        self._late.catch_up(self._truth())

    def answer(self, *, now: float) -> Sequence[str]:  # noqa: ARG002 — it never changes
        """What DNS says: the one address."""
        return [self._endpoint.listen.host] if self._endpoint is not None else []

    def _pick(self) -> Address:
        known = sorted(self._late.known)
        if not known:
            raise ConnectionRefusedError("the Service has no ready Pod")
        return Address(self._chance.choice(known), PORT)

    def _truth(self) -> Iterable[str]:
        return (pod.home.address for pod in self._pods() if pod.ready)
