"""The load balancer that the cluster's controller made from the Ingress; known by its tags."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from infra.deploy.errors import NotThereYet

if TYPE_CHECKING:
    import boto3

# A first release comes to the Ingress after a minute, and the controller needs a few more.
WAIT_SECONDS: Final = 1200
LOOK_SECONDS: Final = 10


@dataclass(frozen=True)
class LoadBalancer:
    """Asks for the one of a platform.

    Attributes:
        platform: the cluster's name, which the controller puts on what it makes.
    """

    session: "boto3.Session"
    platform: str
    pause: Callable[[float], None] = time.sleep

    def arn(self) -> str | None:
        """AWS's name of it, if it is there."""
        client = self.session.client("resourcegroupstaggingapi")
        tags: Mapping[str, str] = {
            "elbv2.k8s.aws/cluster": self.platform,
            "ingress.k8s.aws/stack": "bukken",  # the group that k8s/eks/ingress.yaml names
        }
        found = client.get_resources(
            TagFilters=[{"Key": key, "Values": [value]} for key, value in tags.items()],
            ResourceTypeFilters=["elasticloadbalancing:loadbalancer"],
        )["ResourceTagMappingList"]
        return found[0]["ResourceARN"] if found else None

    def told(self) -> dict[str, str] | None:
        """What the stack `name` needs of it; None while it is not there."""
        if not (arn := self.arn()):
            return None
        found: Any = self.session.client("elbv2").describe_load_balancers(LoadBalancerArns=[arn])
        (one,) = found["LoadBalancers"]
        return {
            "LoadBalancerName": one["DNSName"],
            "LoadBalancerZoneId": one["CanonicalHostedZoneId"],
        }

    def awaited(self) -> dict[str, str]:
        """The same, once it is there.

        Raises:
            NotThereYet: it does not come to be.
        """
        for _ in range(WAIT_SECONDS // LOOK_SECONDS):
            if found := self.told():
                return found
            self.pause(LOOK_SECONDS)
        raise NotThereYet(
            f"no load balancer of {self.platform} in {WAIT_SECONDS} s: has a release applied the "
            "Ingress? kubectl --namespace bukken describe ingress bukken says what is wrong"
        )
