"""What of an Envoy file is different on one machine, and nothing else.

Envoy expands no variables, and two Envoys that listen on 0.0.0.0 share a port silently
(SO_REUSEPORT). So `local/` alone rewrites the addresses that are a Pod's own, structurally, and
leaves every other line as it is in containers and on Kubernetes.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from bukken_local.database.endpoint import Address

Path = tuple[str | int, ...]
"""Where in a document something is: keys and indices from the root."""

EXTRA_ARGUMENTS = ("--disable-hot-restart",)
"""What every Envoy of one machine needs, and the sidecars of `k8s/base` say themselves. Hot restart
claims shared memory by a number that is one per machine, not one per Pod. Nothing here restarts hot
(a Pod is replaced), and a dynamic number would leave its memory behind a kill."""


class EnvoyFileNotUnderstood(Exception):
    """An address that is a Pod's own says neither 0.0.0.0 nor 127.0.0.1."""


@dataclass(frozen=True, kw_only=True)
class Home:
    """The two addresses a network namespace would give a Pod, both on this machine's loopback.

    Two, since what listens on 127.0.0.1 in a Pod is closed to everybody outside it, the kubelet's
    probes too. With one address a probe that could never pass on Kubernetes would pass here.
    """

    address: str  # stands for 0.0.0.0
    loopback: str  # stands for 127.0.0.1

    def of(self, listening: str) -> str:
        """Where a program of this Pod finds what its file calls `listening`."""
        here = {"0.0.0.0": self.address, "127.0.0.1": self.loopback}  # noqa: S104 — replaced
        if listening not in here:
            raise EnvoyFileNotUnderstood(f"no address of this Pod: {listening}")
        return here[listening]


def own_addresses(config: Mapping[str, Any]) -> Iterator[Path]:
    """The paths of the socket addresses that are the Pod's own, which is all that changes.

    These are where it listens, and each cluster that points at 127.0.0.1: the app and Envoy's own
    admin interface. Clusters with a name stay as they are.
    """
    yield ("admin", "address", "socket_address")
    resources = config["static_resources"]
    for index, _ in enumerate(resources["listeners"]):
        yield ("static_resources", "listeners", index, "address", "socket_address")
    for index, cluster in enumerate(resources["clusters"]):
        for path in _endpoints(cluster, at=("static_resources", "clusters", index)):
            if found(config, path)["address"] == "127.0.0.1":
                yield path


def _endpoints(cluster: Mapping[str, Any], *, at: Path) -> Iterator[Path]:
    for group, locality in enumerate(cluster["load_assignment"]["endpoints"]):
        for member, _ in enumerate(locality["lb_endpoints"]):
            yield (
                *at,
                *("load_assignment", "endpoints", group, "lb_endpoints", member),
                *("endpoint", "address", "socket_address"),
            )


def rehomed(text: str, *, home: Home, port: int | None = None) -> str:
    """An Envoy file with the Pod's own addresses replaced; as JSON, which Envoy reads as YAML.

    JSON, since a YAML writer leaves strings like `y` unquoted, and Envoy reads those as booleans.

    Args:
        text: the file.
        home: the addresses of this Pod.
        port: another port for the first listener; the ALB's stand-in alone has a choice.

    Raises:
        EnvoyFileNotUnderstood: one of them says neither 0.0.0.0 nor 127.0.0.1.
    """
    # By way of JSON: behind a YAML alias two places are one object, and would change together.
    config = json.loads(json.dumps(yaml.safe_load(text)))
    for path in own_addresses(config):
        socket_address = found(config, path)
        socket_address["address"] = home.of(socket_address["address"])
    if port is not None:
        listener = config["static_resources"]["listeners"][0]
        listener["address"]["socket_address"]["port_value"] = port
    return as_text(config)


def with_endpoint(text: str, *, cluster: str, at: Address) -> str:
    """A place's clusters file with one cluster's address filled in.

    Raises:
        EnvoyFileNotUnderstood: the file has no such cluster.
    """
    document = yaml.safe_load(text)
    for resource in document["resources"]:
        if resource["name"] == cluster:
            for path in _endpoints(resource, at=()):
                found(resource, path).update(address=at.host, port_value=at.port)
            return as_text(document)
    raise EnvoyFileNotUnderstood(f"no cluster {cluster} in the place file")


def resolver(*, host: str, port: int) -> Sequence[str]:
    """The start arguments that make a DNS server the only one an Envoy asks."""
    server = {"socket_address": {"address": host, "port_value": port, "protocol": "UDP"}}
    return (
        "--config-yaml",
        json.dumps(
            {
                "typed_dns_resolver_config": {
                    "name": "envoy.network.dns_resolver.cares",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver"
                        ".cares.v3.CaresDnsResolverConfig",
                        "resolvers": [server],
                        "use_resolvers_as_fallback": False,
                        "dns_resolver_options": {"no_default_search_domain": True},
                    },
                }
            }
        ),
    )


def found(document: Any, path: Path) -> Any:  # noqa: ANN401 — a YAML document has any shape
    """What is at a path."""
    for step in path:
        document = document[step]
    return document


def as_text(document: Mapping[str, Any]) -> str:
    """A document as Envoy reads it."""
    return json.dumps(document, indent=2, ensure_ascii=False)
