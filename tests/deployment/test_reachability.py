"""Who reaches whom, computed from the policies as Kubernetes defines them, against what is wanted.

Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations, product

import pytest
from deployment.rendered import NAME, Document, Documents, of_kind, one, rendered
from deployment.test_loose_ends import selected

SERVING = ("command-api", "query-api")
RELAY = "inquiry-relay"
PORTS = (53, 80, 443, 5432, 8000, 8080, 8088, 8089, 8090, 8091, 9901, 9902)
Way = tuple[str, str, int]


@dataclass(frozen=True)
class Party:
    """Somebody who may call or be called.

    Attributes:
        labels: of a Pod; empty for what is no Pod.
        namespace: where it is; ours, unless said otherwise.
        address: what an `ipBlock` sees.
    """

    name: str
    address: str
    labels: dict[str, str] = field(default_factory=dict)
    namespace: str = "bukken"

    @property
    def ours(self) -> bool:
        """Whether our policies are about it."""
        return bool(self.labels) and self.namespace == "bukken"


DNS = Party("dns", "10.20.128.53", {"k8s-app": "kube-dns"}, "kube-system")
STRANGER = Party("stranger", "10.20.128.66", {"app": "stranger"}, "elsewhere")
METADATA = Party("metadata", "169.254.169.254")
OUTSIDE = (
    Party("load-balancer", "10.20.0.7"),
    Party("collector", "10.20.16.7"),
    Party("database", "10.20.48.7"),
    Party("issuer", "203.0.113.7"),
    Party("back-end", "203.0.113.8"),
    METADATA,
)


def pods(*names: str) -> list[Party]:
    """Pods of ours by the label that policies select by."""
    return [Party(name, f"10.20.128.{n}", {NAME: name}) for n, name in enumerate(names, 100)]


def matches(peer: Document, party: Party) -> bool:
    """Whether an entry of `from` or `to` means this party."""
    if "ipBlock" in peer:
        return ipaddress.ip_address(party.address) in ipaddress.ip_network(peer["ipBlock"]["cidr"])
    if not party.labels:
        return False
    wanted = peer.get("namespaceSelector", {}).get("matchLabels", {})
    namespace = wanted.get("kubernetes.io/metadata.name", "bukken")
    return namespace == party.namespace and selected(peer.get("podSelector", {}), party.labels)


def lets(policies: Documents, me: Party, peer: Party, *, port: int, direction: str) -> bool:
    """Whether my side of a connection is allowed: all is, until a policy is about me."""
    mine = [
        policy["spec"]
        for policy in policies
        if me.ours
        and direction in policy["spec"]["policyTypes"]
        and selected(policy["spec"]["podSelector"], me.labels)
    ]
    peers = "from" if direction == "Ingress" else "to"
    return not mine or any(
        (peers not in rule or any(matches(each, peer) for each in rule[peers]))
        and ("ports" not in rule or any(each["port"] == port for each in rule["ports"]))
        for spec in mine
        for rule in spec.get(direction.lower(), ())
    )


def ways(documents: Documents, parties: list[Party]) -> Iterator[Way]:
    """Every connection that both sides allow and one of ours has a part in."""
    policies = of_kind(documents, "NetworkPolicy")
    for source, target in product(parties, repeat=2):
        for port in PORTS:
            if (
                (source.ours or target.ours)
                and source != target
                and (
                    lets(policies, source, target, port=port, direction="Egress")
                    and lets(policies, target, source, port=port, direction="Ingress")
                )
            ):
                yield source.name, target.name, port


def of_each(names: tuple[str, ...], target: str, port: int) -> set[Way]:
    """The same way for several."""
    return {(name, target, port) for name in names}


JOBS = ("bootstrap", "migrate")
ON_AWS = (
    of_each((*SERVING, RELAY, *JOBS), "dns", 53)
    | of_each((*SERVING, RELAY, *JOBS), "database", 5432)
    | {("load-balancer", side, 8080) for side in SERVING}
    | {("collector", pod, 9902) for pod in (*SERVING, RELAY)}
    # Cognito has public addresses: by its port alone, what is outside is one.
    | {(side, outside, 443) for side in (*SERVING, RELAY) for outside in (
        "load-balancer", "collector", "database", "issuer", "back-end", "metadata", "dns",
        "stranger")}
    | {(RELAY, "query-api", 8080), (RELAY, "back-end", 443)}
)  # fmt: skip

STAND_INS = ("alb", "issuer", "legacy", "back-end", "database-primary", "database-standby")
IN_KIND = (
    of_each((*SERVING, RELAY, *JOBS, *STAND_INS), "dns", 53)
    | of_each((*SERVING, RELAY, *JOBS, "database-standby"), "database-primary", 5432)
    | of_each(SERVING, "database-standby", 5432)
    | of_each((*SERVING, RELAY, "legacy"), "issuer", 8089)
    | {("alb", side, 8080) for side in SERVING}
    | {("legacy", "alb", 8088), (RELAY, "query-api", 8080), (RELAY, "back-end", 8090)}
)


def test_on_aws_exactly_the_needed_ways_are_open() -> None:
    """Nobody reaches an app's own port, an admin interface or metadata; figures, the collector."""
    parties = [*pods(*SERVING, RELAY, *JOBS), *OUTSIDE, DNS, STRANGER]

    assert set(ways(rendered("staging"), parties)) == ON_AWS


def test_in_kind_exactly_the_needed_ways_are_open() -> None:
    """The same, with the stand-ins' own."""
    parties = [*pods(*SERVING, RELAY, *JOBS, *STAND_INS), METADATA, DNS, STRANGER]

    assert set(ways(rendered("kind"), parties)) == IN_KIND


def test_without_the_default_deny_everything_is_open() -> None:
    """A Pod that no policy is about may be reached by everybody, and reach everything."""
    documents = rendered("staging")
    documents.remove(one(documents, "NetworkPolicy", "default-deny"))
    parties = [*pods(*SERVING, "batch"), STRANGER]

    assert ("stranger", "batch", 8000) in set(ways(documents, parties))


def test_a_missing_port_opens_them_all() -> None:
    """The mistake that policies are most often seen with: `from` without `ports`."""
    documents = rendered("staging")
    (rule,) = one(documents, "NetworkPolicy", "query-api")["spec"]["ingress"]
    del rule["ports"]
    (rule,) = one(documents, "NetworkPolicy", RELAY)["spec"]["egress"]
    del rule["ports"]

    assert (RELAY, "query-api", 9901) in set(ways(documents, pods(*SERVING, RELAY)))


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_the_ranges_of_addresses_do_not_meet(overlay: str) -> None:
    """What one rule lets in or out, no other does thereby: load balancer, collector, database."""
    cidrs = [
        each["ipBlock"]["cidr"]
        for name, direction, peers in (
            ("load-balancer", "ingress", "from"),
            ("collector", "ingress", "from"),
            ("database", "egress", "to"),
        )
        for rule in one(rendered(overlay), "NetworkPolicy", name)["spec"][direction]
        for each in rule[peers]
    ]
    ranges = list(map(ipaddress.ip_network, cidrs))

    assert len(ranges) == 3
    assert not any(one.overlaps(other) for one, other in combinations(ranges, 2))
