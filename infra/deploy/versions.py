"""Before an upgrade: which versions there are, how long they are kept, and what comes next."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from infra.deploy.errors import Refused
from infra.deploy.places import minor

if TYPE_CHECKING:
    from mypy_boto3_eks import EKSClient

# AWS lets a control plane go back to the minor before for so long, while its nodes are of that one.
WAY_BACK: Final = timedelta(days=7)
# A kubelet may be three minors behind; AWS's own advice is not to stay there.
MOST_BEHIND: Final = 2
SOON: Final = timedelta(days=90)


@dataclass(frozen=True)
class Finding:
    """One line of a check: what was looked at, and whether it is in order."""

    good: bool
    text: str


@dataclass(frozen=True)
class Versions:
    """Asks EKS about one cluster.

    Attributes:
        pinned: versions of add-ons, by AWS's names, as k8s/cluster/addons.yaml has them.
    """

    client: "EKSClient"
    cluster: str
    pinned: Mapping[str, str | None]

    def findings(self, *, now: datetime) -> Iterator[Finding]:
        """Everything that is to be known before the next step of an upgrade."""
        cluster = self.client.describe_cluster(name=self.cluster)["cluster"]
        version = cluster["version"]
        yield self._support(version, now=now)
        yield from self._insights()
        nodes = self._nodes()
        yield from (_skew(name, of=of, cluster=version) for name, of in nodes.items())
        yield from (self._addon(name, on=version) for name in self.pinned)
        yield self._way_back(version, nodes=list(nodes.values()), now=now)
        yield Finding(good=True, text=_next_step(version, nodes=list(nodes.values())))

    def offered(self, addon: str, *, on: str) -> list[str]:
        """An add-on's versions for this Kubernetes, its default first."""
        found = self.client.describe_addon_versions(addonName=addon, kubernetesVersion=on)["addons"]
        versions = [each for addon in found for each in addon["addonVersions"]]
        by_default = [each for each in versions if _is_default(each, on=on)]
        return [
            each["addonVersion"]
            for each in (*by_default, *(v for v in versions if v not in by_default))
        ]

    def refuse_unpinned(self, names: Sequence[str], *, on: str) -> None:
        """An add-on without a version is whatever is newest that day: nobody could make it again.

        Raises:
            Refused: with the versions that AWS offers.
        """
        for name in names:
            if self.pinned[name] is None:
                versions = ", ".join(self.offered(name, on=on)[:3]) or "none"
                raise Refused(
                    f"k8s/cluster/addons.yaml pins no version of {name}. For Kubernetes {on} AWS "
                    f"offers {versions} (its default first): write one there"
                )

    def _support(self, version: str, *, now: datetime) -> Finding:
        found = self.client.describe_cluster_versions(clusterVersions=[version])["clusterVersions"]
        if not found:
            return Finding(good=False, text=f"Kubernetes {version}: AWS knows no such version")
        end = found[0]["endOfStandardSupportDate"]
        return Finding(
            good=end - now > SOON,
            text=f"Kubernetes {version}: standard support ends {end:%Y-%m-%d}, in "
            f"{(end - now).days} days; on that day AWS upgrades it by itself",
        )

    def _insights(self) -> Iterator[Finding]:
        """AWS's own look at what the next version no longer has."""
        pages = self.client.get_paginator("list_insights").paginate(
            clusterName=self.cluster, filter={"categories": ["UPGRADE_READINESS"]}
        )
        for page in pages:
            for each in page["insights"]:
                status = each["insightStatus"]["status"]
                yield Finding(good=status == "PASSING", text=f"{each['name']}: {status}")

    def _nodes(self) -> dict[str, str]:
        names = self.client.list_nodegroups(clusterName=self.cluster)["nodegroups"]
        described = (
            self.client.describe_nodegroup(clusterName=self.cluster, nodegroupName=name)
            for name in names
        )
        return {
            each["nodegroup"]["nodegroupName"]: each["nodegroup"]["version"] for each in described
        }

    def _addon(self, name: str, *, on: str) -> Finding:
        following = _following(on)
        pinned, here = self.pinned[name], self.offered(name, on=on)
        there = self.offered(name, on=following)
        if pinned in here and pinned in there:
            return Finding(good=True, text=f"{name} {pinned}: for {on} and {following}")
        if pinned in here:
            both = [each for each in there if each in here]
            advice = (
                f"{both[0]} is for both"
                if both
                else f"{following} has {', '.join(there[:1]) or 'none'}"
            )
            return Finding(good=False, text=f"{name} {pinned}: not for {following}; {advice}")
        return Finding(
            good=False, text=f"{name} {pinned}: not for {on}; its default: {', '.join(here[:1])}"
        )

    def _way_back(self, version: str, *, nodes: list[str], now: datetime) -> Finding:
        changed = self._last_upgrade()
        if changed is None or changed + WAY_BACK < now:
            return Finding(
                good=True,
                text="no upgrade of the last seven days: there is no way back, and none needed",
            )
        if version in nodes:
            return Finding(
                good=False,
                text=f"upgraded {changed:%Y-%m-%d}: no way back while nodes are of {version}; they "
                "go back first (NodesVersion)",
            )
        return Finding(
            good=True,
            text=f"upgraded {changed:%Y-%m-%d}: the control plane can go back until "
            f"{changed + WAY_BACK:%Y-%m-%d %H:%M} UTC",
        )

    def _last_upgrade(self) -> datetime | None:
        ids = self.client.list_updates(name=self.cluster)["updateIds"]
        updates: Iterator[Any] = (
            self.client.describe_update(name=self.cluster, updateId=each)["update"] for each in ids
        )
        times = [
            each["createdAt"]
            for each in updates
            if each["type"] == "VersionUpdate" and each["status"] == "Successful"
        ]
        return max(times).astimezone(UTC) if times else None


def _is_default(version: Any, *, on: str) -> bool:  # noqa: ANN401 — AWS's own document
    return any(
        each["clusterVersion"] == on and each["defaultVersion"]
        for each in version["compatibilities"]
    )


def _following(version: str) -> str:
    return f"1.{minor(version) + 1}"


def _skew(name: str, *, of: str, cluster: str) -> Finding:
    behind = minor(cluster) - minor(of)
    return Finding(good=0 <= behind <= MOST_BEHIND, text=f"nodes {name}: {of}, {behind} behind")


def _next_step(version: str, *, nodes: list[str]) -> str:
    """The order is: control plane, add-ons, nodes; one minor at a time."""
    if behind := [each for each in nodes if minor(each) < minor(version)]:
        return (
            f"next: add-ons for {version}, then, after a few days, the nodes from "
            f"{min(behind, key=minor)} (NodesVersion)"
        )
    return f"next: the control plane to {_following(version)} (KubernetesVersion), when AWS has it"
