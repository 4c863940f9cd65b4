"""Lets the waits of a rollout pass faster, for tests and drills; the page or test says the factor.

All that stands between a Pod told to stop and the load balancer that has noticed is divided by the
same factor, or the inequalities between them would no longer hold. What a process needs to start,
and the time-outs of requests and probes, are real and stay.
"""

import json

import msgspec
import yaml

from bukken_contract.drain import DRAIN_SECONDS
from bukken_local.kubernetes.manifests import Container, EnvVar, PodSpec

_DRAIN = "BUKKEN_DRAIN_SECONDS"

MOST = 5
"""Beyond it, what is scaled and what is not (a probe's period, a process's start) trade places."""


def faster_pod(spec: PodSpec, *, factor: float) -> PodSpec:
    """The same Pod with a shorter drain; its grace is divided by who stops it."""

    def faster(container: Container) -> Container:
        given = {each.name: each for each in container.env}
        drain = given.pop(_DRAIN, EnvVar(name=_DRAIN, value=str(DRAIN_SECONDS)))
        scaled = EnvVar(name=_DRAIN, value=str(float(drain.value) / factor))
        return msgspec.structs.replace(container, env=(*given.values(), scaled))

    return msgspec.structs.replace(spec, containers=tuple(map(faster, spec.containers)))


def faster_load_balancer(text: str, *, factor: float) -> str:
    """The stand-in's file with its looks at DNS and its checks closer together."""
    # By way of JSON: behind a YAML alias two places are one object, and would change twice.
    config = json.loads(json.dumps(yaml.safe_load(text)))
    for cluster in config["static_resources"]["clusters"]:
        discovery = cluster["cluster_type"]["typed_config"]
        _shorten(discovery, "dns_refresh_rate", factor=factor)
        for check in cluster["health_checks"]:
            _shorten(check, "interval", "no_traffic_interval", factor=factor)
    return json.dumps(config)


def _shorten(section: dict[str, str], *names: str, factor: float) -> None:
    for name in names:
        section[name] = f"{float(section[name].removesuffix('s')) / factor:g}s"
