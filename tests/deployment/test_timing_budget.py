"""The chain of inequalities of the architecture's § 5, computed from the files themselves.

Every number is read where it takes effect: in the Ingress or the ALB's stand-in, the Envoy files,
the Deployments, and the settings' defaults unless the Deployment sets the variable. That no overlay
changes a Deployment's times is in test_overlays.py.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from deployment.load_balancer import (
    Config,
    LoadBalancer,
    cluster,
    envoy_file,
    idle,
    manager,
    of_the_ingress,
    seconds,
    stand_in,
)
from deployment.rendered import ON_AWS

from bukken_contract.drain import DRAIN_SECONDS
from bukken_contract.settings import ProcessSettings
from bukken_local.kubernetes.manifests import Container, Deployment, Probe, read_deployment
from command_api.relay import back_end, listings
from command_api.relay.settings import Settings as RelaySettings
from command_api.settings import Settings as CommandSettings
from query_api.settings import Settings as QuerySettings

ROOT = Path(__file__).parents[2]
SIDES = ("command-api", "query-api")
SETTINGS: Mapping[str, tuple[type[ProcessSettings], str]] = {
    "command-api": (CommandSettings, "concurrency"),
    "query-api": (QuerySettings, "threads"),
}
SLACK_SECONDS = 10  # for the kubelet to notice, and for Python to end
NODE_SHUTDOWN_SECONDS = 120  # what EKS nodes leave to Pods: 150 s less 30 s for the critical ones


@functools.cache
def deployment_of(side: str) -> Deployment:
    """A Deployment of k8s/base."""
    path = ROOT / "k8s/base" / f"{side}.yaml"
    return read_deployment(path.read_text(), source=path)


@dataclass(frozen=True)
class Budget:
    """One side's numbers behind one load balancer, by the names the architecture gives them."""

    side: str
    balancer: LoadBalancer

    @property
    def sidecar(self) -> Config:
        """The sidecar's file."""
        return envoy_file(self.side)

    @property
    def deployment(self) -> Deployment:
        """The Deployment."""
        return deployment_of(self.side)

    @property
    def app(self) -> Container:
        """The app's container."""
        return self.deployment.pod.containers[0]

    def setting(self, name: str, *, default: float | None = None) -> float:
        """A setting as the Pod has it."""
        said = {variable.name: variable.value for variable in self.app.env}
        if default is None:
            default = SETTINGS[self.side][0].model_fields[name].default
        assert default is not None
        return float(said.get(f"BUKKEN_{name.upper()}", default))

    @property
    def drain(self) -> float:
        """How long preStop lets traffic leave."""
        return self.setting("drain_seconds", default=DRAIN_SECONDS)

    @property
    def route(self) -> float:
        """How long Envoy waits for the app."""
        routes = manager(self.sidecar, "ingress")["route_config"]["virtual_hosts"][0]["routes"]
        return max(seconds(each["route"]["timeout"]) for each in routes if "route" in each)

    @property
    def ingress_idle(self) -> float:
        """How long Envoy keeps a silent client's connection."""
        return idle(manager(self.sidecar, "ingress"))

    @property
    def grace(self) -> int:
        """What the kubelet gives a Pod to stop."""
        return self.deployment.pod.termination_grace_period_seconds

    @property
    def liveness(self) -> Probe:
        """The app's liveness probe."""
        assert self.app.liveness_probe
        return self.app.liveness_probe

    @property
    def envoy_liveness(self) -> Probe:
        """The sidecar's liveness probe."""
        probe = self.deployment.pod.init_containers[0].liveness_probe
        assert probe
        return probe


def upstream_idle(to: Config) -> float:
    """How long Envoy keeps an idle connection to a cluster."""
    (options,) = to["typed_extension_protocol_options"].values()
    return idle(options)


def detection(config: Config, name: str) -> float:
    """How long a cluster sends to a target that no longer answers."""
    check = cluster(config, name)["health_checks"][0]
    return seconds(check["interval"]) * float(check["unhealthy_threshold"])


BUSY = ("local_app", "local_app_batches")


def busy(config: Config) -> list[Config]:
    """The clusters through which the app is asked for work."""
    return [each for each in config["static_resources"]["clusters"] if each["name"] in BUSY]


def breaker(config: Config) -> int:
    """How many requests Envoy has the app work on at once, batches included."""
    return sum(
        each["circuit_breakers"]["thresholds"][0]["max_connections"] for each in busy(config)
    )


Ascending = Callable[[Budget], list[float]]

CHAINS: Mapping[str, Ascending] = {
    "keep-alive: the ALB closes before Envoy": lambda b: [b.balancer.idle, b.ingress_idle],
    "keep-alive: Envoy closes before the app": lambda b: [
        max(upstream_idle(each) for each in busy(b.sidecar)), b.setting("keep_alive_seconds")],
    "keep-alive: the stand-in's idle connections end before Envoy's": lambda b: [
        upstream_idle(cluster(envoy_file("alb"), b.side)), b.ingress_idle],
    "stop: traffic has left before the app is told": lambda b: [
        b.balancer.deregistration_delay, b.drain],
    "stop: all of it fits into the grace": lambda b: [
        b.drain + b.setting("graceful_seconds") + SLACK_SECONDS, b.grace],
    "stop: the grace fits into a node's shutdown": lambda b: [b.grace, NODE_SHUTDOWN_SECONDS + 1],
    "stop: the ALB has lost the target before the app is told": lambda b: [
        b.balancer.detection, b.drain],
    "requests: each outer time-out is longer": lambda b: [
        b.setting("request_seconds"), b.route, b.setting("graceful_seconds"), b.balancer.idle],
    "requests: a stream may be silent longer than a route takes": lambda b: [
        b.route, seconds(manager(b.sidecar, "ingress")["stream_idle_timeout"])],
    "liveness: busy is not dead": lambda b: [
        b.route, float(b.liveness.timeout_seconds * b.liveness.failure_threshold)],
    "liveness: Envoy is restarted before an app that cannot be asked": lambda b: [
        float(b.envoy_liveness.period_seconds * b.envoy_liveness.failure_threshold),
        float(b.liveness.period_seconds * b.liveness.failure_threshold)],
    "liveness: what hangs does not wait out the drain": lambda b: [
        float(b.liveness.termination_grace_period_seconds or b.grace), b.drain],
    "concurrency: a slot is always free for health": lambda b: [
        breaker(b.sidecar), b.setting(SETTINGS[b.side][1])],
    "rollout: the ALB knows a new Pod before the next is touched": lambda b: [
        b.balancer.detection, float(b.deployment.spec.min_ready_seconds) + 1],
    "health: the ALB's question is answered before it gives up": lambda b: [
        detection(b.sidecar, "local_app"), b.balancer.interval],
}  # fmt: skip


def budgets() -> Iterator[Budget]:
    """Each side, behind the stand-in and behind each place's ALB."""
    for side in SIDES:
        yield Budget(side, stand_in(side))
        yield from (Budget(side, of_the_ingress(overlay)) for overlay in ON_AWS)


def ascends(chain: str, budget: Budget) -> bool:
    """Whether each number is smaller than the next."""
    return all(left < right for left, right in pairwise(CHAINS[chain](budget)))


@pytest.mark.parametrize("chain", CHAINS)
def test_each_chain_ascends(chain: str) -> None:
    """On both sides, behind the stand-in and behind the ALB."""
    for budget in budgets():
        assert ascends(chain, budget), (budget, CHAINS[chain](budget))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("overlay", ON_AWS)
def test_the_stand_in_has_the_albs_numbers(overlay: str, side: str) -> None:
    """What is proven behind it is proven behind the real one."""
    assert stand_in(side) == of_the_ingress(overlay)


def test_a_peer_is_found_dead_long_before_the_alb_finds_it() -> None:
    """Envoy's own checks of query-api are at least twice as quick."""
    peer = detection(envoy_file("inquiry-relay"), "query-api")

    assert 2 * peer < stand_in("query-api").detection


def test_a_peer_closes_idle_connections_first() -> None:
    """The relay lets go of query-api's ingress before that lets go of it."""
    caller = upstream_idle(cluster(envoy_file("inquiry-relay"), "query-api"))

    assert caller < Budget("query-api", stand_in("query-api")).ingress_idle


def egress_route(name: str) -> float:
    """How long the relay's Envoy waits for whom it calls."""
    hosts = manager(envoy_file("inquiry-relay"), "egress")["route_config"]["virtual_hosts"]
    (route,) = (each["routes"][0]["route"] for each in hosts if each["name"] == name)
    return seconds(route["timeout"])


def test_the_relays_envoy_gives_up_before_the_relay() -> None:
    """Its answer says what happened; a time-out of the relay's own says nothing."""
    assert egress_route("query-api") < listings.ANSWER_SECONDS
    assert egress_route("back-end") < back_end.ANSWER_SECONDS


def test_a_relay_finishes_what_it_holds_before_it_is_killed() -> None:
    """A delivery fits into the app's grace, and that into the Pod's; both into a node's."""
    delivery = listings.ANSWER_SECONDS + back_end.ANSWER_SECONDS
    graceful = float(RelaySettings.model_fields["graceful_seconds"].default)
    grace = deployment_of("inquiry-relay").pod.termination_grace_period_seconds

    assert delivery < graceful
    assert graceful + SLACK_SECONDS < grace < NODE_SHUTDOWN_SECONDS


def test_a_relay_sends_no_more_at_once_than_its_envoy_lets_through() -> None:
    """What Envoy refuses would count as a try of the inquiry."""
    at_once = int(RelaySettings.model_fields["deliveries"].default)
    for place in ("local/place", "compose", "k8s/kind", "k8s/eks"):
        clusters = yaml.safe_load((ROOT / place / "relay.yaml").read_text())["resources"]
        (breaker,) = clusters[1]["circuit_breakers"]["thresholds"]
        assert at_once <= min(breaker["max_connections"], breaker["max_requests"])


def test_a_longer_drain_would_break_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain is no tautology: with a preStop of 61 s the grace no longer holds it all."""
    monkeypatch.setattr(Budget, "drain", 61.0)

    assert not ascends("stop: all of it fits into the grace", next(budgets()))


@pytest.mark.parametrize(
    ("mistake", "chain"),
    [
        # AWS's default: 300 s, of which a Pod that stops after 40 s knows nothing.
        ({"deregistration_delay": 300.0}, "stop: traffic has left before the app is told"),
        # Longer than the targets keep their connections: 502 at random.
        ({"idle": 120.0}, "keep-alive: the ALB closes before Envoy"),
        # The controller's default of 15 s: the next Pod is touched before this one is a target.
        ({"interval": 15.0}, "rollout: the ALB knows a new Pod before the next is touched"),
    ],
)
def test_the_albs_defaults_would_break_a_chain(mistake: dict[str, float], chain: str) -> None:
    """Each of these is what an Ingress has that says nothing of it."""
    balancer = replace(of_the_ingress("staging"), **mistake)  # type: ignore[arg-type]  # by name

    assert not ascends(chain, Budget("query-api", balancer))
