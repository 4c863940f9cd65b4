import json

import yaml
from document_leaves import leaves

from bukken_local.kubernetes.manifests import Container, EnvVar, PodSpec
from bukken_local.kubernetes.time_scale import faster_load_balancer, faster_pod
from bukken_local.processes import binaries

ALB = (binaries.checkout() / "envoy" / "alb.yaml").read_text()


def test_the_load_balancers_looks_and_checks_come_faster_and_nothing_else_changes() -> None:
    """Its time-outs are real: a Pod is no quicker to answer because a test is in a hurry."""
    before = dict(leaves(yaml.safe_load(ALB)))
    after = dict(leaves(json.loads(faster_load_balancer(ALB, factor=5))))

    changed = [path for path in before if before[path] != after.pop(path)]
    assert sorted(str(path[-1]) for path in changed) == [
        *["dns_refresh_rate", "dns_refresh_rate"],
        *["interval", "interval"],
        *["no_traffic_interval", "no_traffic_interval"],
    ]
    assert {before[path] for path in changed} == {"5s"}
    assert not after


def test_the_drain_is_as_much_shorter() -> None:
    """Each app is told a shorter drain: of what its manifest says, or of the default."""
    said = EnvVar(name="BUKKEN_DRAIN_SECONDS", value="44")
    app = Container(name="app", image="x", env=(said, EnvVar(name="OTHER", value="y")))

    (faster,) = faster_pod(PodSpec(containers=(app,)), factor=4).containers

    assert {each.name: each.value for each in faster.env} == {
        "OTHER": "y",
        "BUKKEN_DRAIN_SECONDS": "11.0",
    }
