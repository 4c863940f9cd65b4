import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from staged_pod import Stage, play

from bukken_local.kubernetes.delays import Delays
from bukken_local.kubernetes.dns import LookupFailed
from bukken_local.kubernetes.kubelet import Pod
from bukken_local.kubernetes.objects import Service, read_objects
from bukken_local.kubernetes.services import Outage, Services
from bukken_local.processes.waiting import until

FACTOR = 10  # all delays: endpoints 0.05 s, DNS's cache 0.5 s, deregistration 1.5 s

PLAIN, MESH = (f"thing{kind}.bukken.svc.cluster.local." for kind in ("", "-mesh"))

MANIFEST = """
apiVersion: v1
kind: Service
metadata: {name: thing}
spec: {clusterIP: None, selector: {name: thing}}
---
apiVersion: v1
kind: Service
metadata: {name: thing-mesh}
spec: {clusterIP: None, selector: {name: thing}, publishNotReadyAddresses: true}
"""


def services_of(pods: Sequence[Pod]) -> Services:
    """Both Services of these Pods."""
    manifests = read_objects(Service, MANIFEST, source=Path("thing.yaml"))
    return Services(manifests, pods_of=lambda _: pods, delays=Delays().scaled(FACTOR))


async def until_known(services: Services, name: str, *, addresses: Sequence[str]) -> float:
    """Looks until DNS gives just these; the seconds it took."""
    clock = asyncio.get_running_loop().time
    began = clock()

    def known() -> bool:
        services.look()
        return services.lookup(name) == addresses

    await until(known, seconds=10, what=f"{name} is {addresses}")
    return clock() - began


def test_a_pod_that_is_not_ready_leaves_its_service(tmp_path: Path) -> None:
    """The plain Service lists ready Pods; the mesh's lists all, and Envoy judges for itself."""

    async def story(stage: Stage) -> None:
        services = services_of([stage.pod])
        await stage.until_ready()
        await until_known(services, PLAIN, addresses=[stage.pod.home.address])
        await until_known(services, MESH, addresses=[stage.pod.home.address])
        stage.bad("app-ready")
        await until_known(services, PLAIN, addresses=[])
        assert services.lookup(MESH) == [stage.pod.home.address]

    play(story, here=tmp_path)


def test_a_pod_that_stops_leaves_the_load_balancer_late(tmp_path: Path) -> None:
    """A Pod that was told to stop gets new requests until its deregistration is over."""
    delays = Delays().scaled(FACTOR)

    async def story(stage: Stage) -> None:
        services = services_of([stage.pod])
        await stage.until_ready()
        services.catch_up()
        stopping = asyncio.create_task(stage.pod.stop())
        await stage.until_noted("hook")
        seconds = await until_known(services, PLAIN, addresses=[])
        await stopping
        assert seconds >= delays.deregistration.seconds - 0.5  # the hook's own start came before

    play(story, here=tmp_path, hook_seconds=2)


def test_a_pod_is_in_the_mesh_until_it_is_gone(tmp_path: Path) -> None:
    """Envoys find a Pod that drains; their own checks tell them to leave it."""

    async def story(stage: Stage) -> None:
        services = services_of([stage.pod])
        await stage.until_ready()
        services.catch_up()
        stopping = asyncio.create_task(stage.pod.stop())
        await stage.until_noted("hook")
        services.look()
        assert services.lookup(MESH) == [stage.pod.home.address]
        await stopping
        await until_known(services, MESH, addresses=[])

    play(story, here=tmp_path, hook_seconds=0.3)


def test_dns_gives_its_last_answer_for_a_while(tmp_path: Path) -> None:
    """CoreDNS keeps an answer for its time to live, whatever has changed since."""
    delays = Delays().scaled(FACTOR)

    async def story(stage: Stage) -> None:
        services = services_of([stage.pod])
        await stage.until_ready()
        assert services.lookup(MESH) == []
        seconds = await until_known(services, MESH, addresses=[stage.pod.home.address])
        assert delays.dns_cache.seconds <= seconds < delays.dns_cache.seconds + 1

    play(story, here=tmp_path)


def test_a_service_that_nobody_made_is_unknown() -> None:
    """Names of another Service, or of another namespace, do not exist."""

    async def story() -> None:
        services = services_of([])
        assert services.lookup("other.bukken.svc.cluster.local.") is None
        assert services.lookup("thing.default.svc.cluster.local.") is None

    asyncio.run(story())


def test_a_name_outside_the_cluster_is_answered_as_it_is_now() -> None:
    """It has no Pods, and no delay of their Services."""

    async def play_it() -> list[Sequence[str] | None]:
        services, addresses = services_of([]), ["127.0.77.5"]
        services.external["database"] = lambda: list(addresses)
        before = services.lookup("database.bukken.svc.cluster.local.")
        addresses[0] = "127.0.77.6"
        return [before, services.lookup("database.bukken.svc.cluster.local.")]

    assert asyncio.run(play_it()) == [["127.0.77.5"], ["127.0.77.6"]]


def test_dns_may_have_nothing_or_no_answer(tmp_path: Path) -> None:
    """In an outage Envoys get an empty answer or none; the load balancer's targets stay."""

    async def story(stage: Stage) -> None:
        services = services_of([stage.pod])
        await stage.until_ready()
        services.catch_up()
        services.outage = Outage.EMPTY
        assert services.lookup(MESH) == ()
        services.outage = Outage.SERVFAIL
        assert services.lookup(PLAIN) == [stage.pod.home.address]
        with pytest.raises(LookupFailed):
            services.lookup(MESH)

    play(story, here=tmp_path)


def test_without_its_controller_the_load_balancer_learns_of_nothing(tmp_path: Path) -> None:
    """It keeps the targets that it knows; DNS is another's, and goes on."""

    async def story(stage: Stage) -> None:
        services = services_of([stage.pod])
        services.controller_away = True
        await stage.until_ready()
        await until_known(services, MESH, addresses=[stage.pod.home.address])
        assert services.lookup(PLAIN) == []
        assert services.target_groups == []
        services.controller_away = False
        await until_known(services, PLAIN, addresses=[stage.pod.home.address])

    play(story, here=tmp_path)
