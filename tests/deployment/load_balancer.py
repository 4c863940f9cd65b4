"""A load balancer's numbers: of the ALB's stand-in, and of the Ingress that asks for a real one."""

import functools
from dataclasses import dataclass
from typing import Any

import yaml
from deployment.rendered import ROOT, one, rendered
from deployment.test_ingress import annotations, pairs

Config = dict[str, Any]


def seconds(duration: str) -> float:
    """An Envoy duration."""
    return float(duration.removesuffix("s"))


@functools.cache
def envoy_file(name: str) -> Config:
    """An Envoy file."""
    parsed: Config = yaml.safe_load((ROOT / "envoy" / f"{name}.yaml").read_text())
    return parsed


def manager(config: Config, name: str) -> Config:
    """The HTTP connection manager of a listener."""
    found: Config = next(x for x in config["static_resources"]["listeners"] if x["name"] == name)
    typed: Config = found["filter_chains"][0]["filters"][0]["typed_config"]
    return typed


def cluster(config: Config, name: str) -> Config:
    """A cluster."""
    found: Config = next(x for x in config["static_resources"]["clusters"] if x["name"] == name)
    return found


def idle(part: Config) -> float:
    """The idle time-out of a connection manager or of a cluster's protocol options."""
    return seconds(part["common_http_protocol_options"]["idle_timeout"])


@dataclass(frozen=True)
class LoadBalancer:
    """What its times are, in seconds, and how it asks for health."""

    idle: float
    deregistration_delay: float
    interval: float
    timeout: float
    thresholds: tuple[int, int]  # healthy, unhealthy
    path: str

    @property
    def detection(self) -> float:
        """How long it sends to a target that no longer answers."""
        return self.interval * self.thresholds[1]


@functools.cache
def stand_in(side: str) -> LoadBalancer:
    """The ALB of one machine, of containers and of kind."""
    alb = envoy_file("alb")
    target = cluster(alb, side)
    (check,) = target["health_checks"]
    metadata = target["metadata"]["filter_metadata"]["bukken.alb"]
    return LoadBalancer(
        idle=idle(manager(alb, "alb")),
        deregistration_delay=float(metadata["deregistration_delay_seconds"]),
        interval=seconds(check["interval"]),
        timeout=seconds(check["timeout"]),
        thresholds=(check["healthy_threshold"], check["unhealthy_threshold"]),
        path=check["http_health_check"]["path"],
    )


@functools.cache
def of_the_ingress(overlay: str) -> LoadBalancer:
    """The real one, as the Ingress and its class ask for it."""
    documents = rendered(overlay)
    said = annotations(documents)
    listed = one(documents, "IngressClassParams", "bukken")["spec"]["loadBalancerAttributes"]
    attributes = {each["key"]: each["value"] for each in listed}
    group = pairs(said["target-group-attributes"])
    return LoadBalancer(
        idle=float(attributes["idle_timeout.timeout_seconds"]),
        deregistration_delay=float(group["deregistration_delay.timeout_seconds"]),
        interval=float(said["healthcheck-interval-seconds"]),
        timeout=float(said["healthcheck-timeout-seconds"]),
        thresholds=(int(said["healthy-threshold-count"]), int(said["unhealthy-threshold-count"])),
        path=said["healthcheck-path"],
    )
