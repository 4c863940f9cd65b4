"""Before an upgrade: dates, skew, add-ons, the order of steps, and how long there is a way back."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.stub import Stubber

from infra.deploy import places
from infra.deploy.errors import Refused
from infra.deploy.templates import Template
from infra.deploy.versions import Versions

if TYPE_CHECKING:
    from mypy_boto3_eks import EKSClient

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DNS = "coredns"


def offer(*versions: str, default: str = "", on: str = "1.36") -> dict[str, Any]:
    """What AWS says of an add-on."""
    compatible = [
        {
            "addonVersion": each,
            "compatibilities": [{"clusterVersion": on, "defaultVersion": each == default}],
        }
        for each in versions
    ]
    return {"addons": [{"addonName": DNS, "addonVersions": compatible}]}


@pytest.fixture
def eks() -> Iterator[Stubber]:
    """AWS's EKS, which answers what it is told to, in order."""
    client = boto3.client(
        "eks",
        region_name="ap-northeast-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",
    )
    with Stubber(client) as stub:
        yield stub


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """One that is well, unless something else is said."""

    nodes: str = "1.36"
    end: datetime = NOW + timedelta(days=200)
    insight: str = "PASSING"
    here: Mapping[str, Any] = field(default_factory=lambda: offer("v1"))
    there: Mapping[str, Any] = field(default_factory=lambda: offer("v1"))
    upgraded: datetime | None = None

    def answers(self, eks: Stubber) -> None:
        """All that one look asks, in its order."""
        eks.add_response("describe_cluster", {"cluster": {"version": "1.36"}}, {"name": "bukken"})
        support = {"clusterVersion": "1.36", "endOfStandardSupportDate": self.end}
        eks.add_response("describe_cluster_versions", {"clusterVersions": [support]})
        found = {"name": "Deprecated APIs", "insightStatus": {"status": self.insight}}
        eks.add_response("list_insights", {"insights": [found]})
        eks.add_response("list_nodegroups", {"nodegroups": ["a"]})
        group = {"nodegroupName": "a", "version": self.nodes}
        eks.add_response("describe_nodegroup", {"nodegroup": group})
        eks.add_response("describe_addon_versions", dict(self.here))
        eks.add_response("describe_addon_versions", dict(self.there))
        eks.add_response("list_updates", {"updateIds": ["u"] if self.upgraded else []})
        if self.upgraded:
            update = {"type": "VersionUpdate", "status": "Successful", "createdAt": self.upgraded}
            eks.add_response("describe_update", {"update": update})


def look(eks: Stubber, cluster: Cluster) -> dict[bool, list[str]]:
    """What is in order, and what is not."""
    cluster.answers(eks)
    versions = asking(eks, pinned="v1")
    found = list(versions.findings(now=NOW))
    return {good: [each.text for each in found if each.good is good] for good in (True, False)}


def asking(eks: Stubber, *, pinned: str | None) -> Versions:
    """Of the cluster `bukken`, with one add-on."""
    return Versions(cast("EKSClient", eks.client), "bukken", {DNS: pinned})


def test_a_cluster_that_is_well_is_told_the_next_step(eks: Stubber) -> None:
    """Every line is in order; the last says what comes next."""
    found = look(eks, Cluster())

    assert found[False] == []
    assert found[True][-1].startswith("next: the control plane to 1.37")


def test_the_end_of_support_is_a_date(eks: Stubber) -> None:
    """Three months before, it is no longer in order: on that day AWS upgrades by itself."""
    (line,) = look(eks, Cluster(end=datetime(2026, 12, 2, tzinfo=UTC)))[False]
    assert "ends 2026-12-02, in 9 days" in line


def test_what_the_next_version_no_longer_has_is_told(eks: Stubber) -> None:
    """By AWS's own look at the cluster."""
    assert look(eks, Cluster(insight="ERROR"))[False] == ["Deprecated APIs: ERROR"]


@pytest.mark.parametrize(("nodes", "good"), [("1.36", True), ("1.34", True), ("1.33", False)])
def test_nodes_may_not_be_far_behind(nodes: str, good: bool, eks: Stubber) -> None:  # noqa: FBT001 — a column
    """Three minors behind is allowed, and no place to stay: the next step would not be."""
    lines = look(eks, Cluster(nodes=nodes))[good]

    assert any(line.startswith(f"nodes a: {nodes}") for line in lines)


@pytest.mark.parametrize(
    ("here", "there", "says"),
    [
        (offer("v2"), offer("v2"), "coredns v1: not for 1.36; its default: v2"),
        (offer("v1", "v2"), offer("v2"), "coredns v1: not for 1.37; v2 is for both"),
        (offer("v1"), offer("v3"), "coredns v1: not for 1.37; 1.37 has v3"),
    ],
)
def test_an_addon_that_does_not_fit_is_told_with_one_that_does(
    here: dict[str, Any], there: dict[str, Any], says: str, eks: Stubber
) -> None:
    """One that fits both goes first: no add-on stands on a control plane it does not know."""
    assert look(eks, Cluster(here=here, there=there))[False] == [says]


def test_the_way_back_has_an_end(eks: Stubber) -> None:
    """Seven days after its upgrade a control plane can still go back, while nodes are behind."""
    found = look(eks, Cluster(nodes="1.35", upgraded=datetime(2026, 11, 20, 9, tzinfo=UTC)))

    assert any("can go back until 2026-11-27 09:00 UTC" in line for line in found[True])
    assert "the nodes from 1.35 (NodesVersion)" in found[True][-1]


def test_nodes_of_the_new_version_bar_the_way_back(eks: Stubber) -> None:
    """They go back first."""
    (line,) = look(eks, Cluster(upgraded=NOW - timedelta(days=1)))[False]
    assert "no way back while nodes are of 1.36" in line


def test_after_seven_days_there_is_no_way_back(eks: Stubber) -> None:
    """And that is in order."""
    assert any(
        "there is no way back" in line
        for line in look(eks, Cluster(nodes="1.35", upgraded=NOW - timedelta(days=8)))[True]
    )


def test_an_addon_without_a_version_is_not_deployed(eks: Stubber) -> None:
    """The versions that AWS offers are named, its default first: a person writes one down."""
    eks.add_response("describe_addon_versions", offer("v3", "v2", default="v2"))
    versions = asking(eks, pinned=None)

    with pytest.raises(Refused, match=r"pins no version of coredns.*offers v2, v3"):
        versions.refuse_unpinned([DNS], on="1.36")


def test_every_version_that_is_known_is_written_down() -> None:
    """Whole; of fluent-bit alone none could be looked up, and a plan refuses it."""
    versions = places.pinned()
    unknown = {name for name, version in versions.items() if version is None}

    assert unknown == {"fluent-bit"}
    assert all(re.fullmatch(r"v\d+\.\d+\.\d+-eksbuild\.\d+", v) for v in versions.values() if v)


def test_what_is_refused_can_be_written_down_as_it_is_said(
    eks: Stubber, templates: dict[str, Template]
) -> None:
    """The version that AWS offers first is one that the template takes."""
    eks.add_response("describe_addon_versions", offer("v4.2.0-eksbuild.1", "v4.1.0-eksbuild.2"))
    versions = Versions(cast("EKSClient", eks.client), "bukken", {"fluent-bit": None})

    with pytest.raises(Refused) as refused:
        versions.refuse_unpinned(["fluent-bit"], on="1.36")
    pattern = templates["addons"].parameters["FluentBitVersion"]["AllowedPattern"]
    first = re.search(r"AWS offers (\S+),", str(refused.value))
    assert first
    assert re.fullmatch(pattern, first[1])
