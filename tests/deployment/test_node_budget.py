"""`make node-budget`: what may run at once fits on the nodes, or is refused by name."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s.node_budget import nodes
from k8s.node_budget.__main__ import budget, main, page, render
from k8s.node_budget.nodes import node
from k8s.node_budget.picture import draw
from k8s.node_budget.placement import Placement
from k8s.node_budget.quantities import Amount, amount
from k8s.node_budget.situations import faults
from k8s.node_budget.workloads import UncountedError, Workload, at_once, pod_amount

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/operating/node-budget.md"


@pytest.fixture(scope="module")
def production() -> tuple[list[Placement], list[Workload]]:
    """The budget of what is really run on the nodes that there really are."""
    described = nodes.read(ROOT / "k8s/cluster/nodes.yaml")
    return budget(described, documents=render(ROOT / "k8s/production"))


def test_production_fits(production: tuple[list[Placement], list[Workload]]) -> None:
    """All that production may run at once fits on its nodes, also with a zone lost."""
    assert list(faults(production[0])) == []


def test_the_page_is_what_the_files_say(
    production: tuple[list[Placement], list[Workload]],
) -> None:
    """The page tells today's budget; `make node-budget` writes it anew."""
    placements, running = production

    assert PAGE.read_text(encoding="utf-8") == page(placements, running=running)


def test_the_picture_shows_every_situation(
    production: tuple[list[Placement], list[Workload]], tmp_path: Path
) -> None:
    """The picture has each situation by name, and is the same whenever it is drawn."""
    first, second = tmp_path / "1.svg", tmp_path / "2.svg"
    draw(production[0], to=first)
    draw(production[0], to=second)

    assert first.read_bytes() == second.read_bytes()
    assert all(each.situation in first.read_text() for each in production[0])


def _container(name: str = "app", *, cpu: str = "100m", memory: str = "128Mi") -> dict[str, Any]:
    return {
        "name": name,
        "resources": {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}},
    }


def _described(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 — a value of YAML
    return {
        "instanceType": "m7i.large",
        "zones": ["a", "b", "c"],
        "nodesPerZone": {"minimum": 1, "maximum": 2},
        "kubelet": {
            "systemReserved": {"cpu": "100m", "memory": "300Mi"},
            "evictionHard": {"memory.available": "5%"},
        },
        "daemonSets": [{"name": "kube-system/agent", "containers": [_container("agent")]}],
        "deployments": [],
    } | changes


def _deployment(name: str = "query-api", *, memory: str, replicas: int) -> dict[str, Any]:
    zone = {"topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}
    pod = {"containers": [_container(memory=memory)], "topologySpreadConstraints": [zone]}
    return {
        "kind": "Deployment",
        "metadata": {"namespace": "bukken", "name": name},
        "spec": {"replicas": replicas, "template": {"spec": pod}},
    }


def _placed(*documents: dict[str, Any], **changes: Any) -> list[Placement]:  # noqa: ANN401 — as above
    return budget(_described(**changes), documents=documents)[0]


def test_what_is_left_of_a_node_is_what_the_ami_leaves() -> None:
    """An m7i.large of 29 Pods: 574 MiB and 70m for the kubelet, as nodeadm computes it."""
    assert node(_described()).reserved["kubeReserved"] == Amount(cpu=70, memory=574)


def test_the_accident() -> None:
    """4 GiB nodes, a Pod that may take 3.5 GiB and 1.5 GiB of DaemonSets are refused, by name."""
    daemons = [{"name": "logging/shipper", "containers": [_container("ship", memory="1536Mi")]}]
    found = list(
        faults(
            _placed(
                _deployment(memory="3584Mi", replicas=1),
                instanceType="t3.medium",
                daemonSets=daemons,
            )
        )
    )

    assert "bukken/query-api: one Pod may take 3584 MiB" in found[0]
    assert "logging/shipper" in found[0]


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        (
            {"requests": {"cpu": "100m", "memory": "1Gi"}, "limits": {"memory": "3584Mi"}},
            "asks for",
        ),
        ({"requests": {"cpu": "100m", "memory": "1Gi"}}, "has no memory limit"),
        ({"limits": {"memory": "1Gi"}}, "has no memory request"),
        ({"requests": {"memory": "1Gi"}, "limits": {"memory": "1Gi"}}, "has no cpu request"),
        ({}, "has no memory request"),
    ],
)
def test_what_cannot_be_counted_is_refused_by_name(resources: dict[str, Any], reason: str) -> None:
    """A container without request or limit, or with a limit above its request, is named."""
    pod = {"name": "logging/shipper", "containers": [{"name": "ship", "resources": resources}]}

    with pytest.raises(UncountedError, match=f"logging/shipper: container ship .*{reason}"):
        _placed(daemonSets=[pod])


def test_all_zones_take_what_two_cannot() -> None:
    """What fits with all zones and not with one lost is a fault of the lost zone alone."""
    found = list(faults(_placed(_deployment(memory="5000Mi", replicas=6))))

    assert [each.split(":")[0] for each in found] == [
        "autoscaler minimum, zone a lost",
        "autoscaler maximum, zone a lost",
    ]


def test_what_fits_has_no_fault() -> None:
    """Six Pods of which four fit on a node leave nothing to say."""
    assert list(faults(_placed(_deployment(memory="1400Mi", replicas=6)))) == []


def test_a_zone_grows_when_its_nodes_are_full() -> None:
    """The second Pod of a zone that fills its node gets a new node there."""
    minimum = _placed(_deployment(memory="5000Mi", replicas=6))[0]

    assert [len(minimum.in_zone(zone)) for zone in "abc"] == [2, 2, 2]


def test_a_spread_puts_no_pod_where_there_is_room_alone() -> None:
    """A spread workload does not go on in the other zones when one of them is full."""
    big = _deployment("command-api", memory="5000Mi", replicas=7)
    minimum = _placed(big)[0]

    assert sum(minimum.unplaced.values()) == 1


def test_addresses_are_counted() -> None:
    """A node has as many Pods as its interfaces have addresses, however small they are."""
    small = _deployment(memory="1Mi", replicas=200)
    small["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "1m"
    minimum = _placed(small)[0]

    assert max(len(each.pods) for each in minimum.nodes) == 29


def test_pods_that_still_end_are_counted() -> None:
    """6 replicas, surge 1, 90 s of grace, a new one every 15 s: 13 Pods hold memory at once."""
    spec = {
        "strategy": {"rollingUpdate": {"maxSurge": 1}},
        "minReadySeconds": 10,
        "template": {"spec": {"terminationGracePeriodSeconds": 90}},
    }

    assert at_once(spec, replicas=6) == 13


def test_a_sidecar_counts_beside_its_app_and_an_init_step_does_not() -> None:
    """A Pod takes app + sidecars, or an init step + the sidecars before it: the greater."""
    sidecar = _container("envoy", memory="100Mi") | {"restartPolicy": "Always"}
    steps = [sidecar, _container("step", memory="150Mi")]
    small, large = (
        {"initContainers": steps, "containers": [_container(memory=memory)]}
        for memory in ("128Mi", "1Gi")
    )

    assert pod_amount(small, of="x").memory == 250
    assert pod_amount(large, of="x").memory == 1124


@pytest.mark.parametrize(
    ("given", "memory"), [("1Gi", 1024), ("1000M", 954), ("1048576", 1), ("1", 1), ("0.5Gi", 512)]
)
def test_quantities(given: str, memory: int) -> None:
    """Quantities are read in Kubernetes' units and rounded up to whole MiB."""
    assert amount({"memory": given}).memory == memory


def test_a_quantity_that_is_none_is_quoted() -> None:
    """A misspelt quantity is named."""
    with pytest.raises(ValueError, match="'128MB' is not a quantity"):
        amount({"memory": "128MB"})


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"cpu": "-1"}, "'-1' is not a quantity"),
        ({"memory": "nan"}, "'nan' is not a quantity"),
        ({"memory": "128m"}, "128Mi is meant"),
    ],
)
def test_an_amount_that_cannot_be_is_refused(given: dict[str, str | float], reason: str) -> None:
    """Less than nothing would make room; 128m of memory is an eighth of a byte."""
    with pytest.raises(ValueError, match=reason):
        amount(given)


@pytest.mark.parametrize("kind", ["DaemonSet", "CronJob", "Pod"])
def test_pods_that_nobody_counts_are_refused(kind: str) -> None:
    """An overlay's DaemonSet would be on every node, and in no sum."""
    extra = {"kind": kind, "metadata": {"namespace": "bukken", "name": "extra"}, "spec": {}}

    with pytest.raises(UncountedError, match=f"{kind} extra: nobody counts"):
        _placed(extra)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"zones": ["a"]}, "two of different names"),
        ({"zones": []}, "two of different names"),
        ({"zones": ["a", "b", "a"]}, "two of different names"),
        ({"nodesPerZone": {"minimum": 3, "maximum": 2}}, "nodesPerZone 3 to 2"),
        ({"nodesPerZone": {"minimum": 0, "maximum": 2}}, "nodesPerZone 0 to 2"),
        ({"nodesPerZone": {"minimum": 1}}, "no nodesPerZone maximum"),
        ({"kubelet": {"systemReserved": {}}}, "no kubelet evictionHard memory.available"),
        ({"deployments": None}, "no deployments"),
        ({"deployments": [{"name": "dns", "containers": []}]}, "needs a line 'replicas'"),
        ({"daemonSets": ["agent"]}, "needs a line 'name'"),
    ],
)
def test_nodes_that_cannot_be_are_refused(changes: dict[str, Any], reason: str) -> None:
    """What is missing, or makes no sense, is named in one line."""
    with pytest.raises(nodes.UnusableNodesError, match=reason):
        _placed(**changes)


def test_an_overlay_that_cannot_be_made_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What kubectl says stands there in its own words, on one line, and no traceback."""
    status = main(["--overlay", str(tmp_path)])
    said = capsys.readouterr().err

    assert (status, said.count("\n")) == (1, 1)
    assert said.startswith("node-budget: kubectl kustomize")


def test_a_budget_that_does_not_hold_leaves_the_page(tmp_path: Path) -> None:
    """The page of before stays: half of the new one would be read as a budget that holds."""
    described = copy.deepcopy(nodes.read(ROOT / "k8s/cluster/nodes.yaml"))
    described["nodesPerZone"]["maximum"] = 1
    small, written = tmp_path / "nodes.yaml", tmp_path / "page.md"
    small.write_text(yaml.safe_dump(described))
    written.write_text("before")

    assert main(["--nodes", str(small), "--page", str(written)]) == 1
    assert written.read_text() == "before"


def test_an_unknown_instance_type_is_refused() -> None:
    """A type without known numbers is refused, and the known ones are told."""
    with pytest.raises(ValueError, match=r"'m9\.huge' is none of .*m7i\.large"):
        _placed(instanceType="m9.huge")
