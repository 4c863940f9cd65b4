import json
import time
from collections.abc import Callable, Mapping

import pytest
from kind.cluster import Cluster
from kind.figures import Figures
from kind.traffic import Traffic, failed, told

from k8s.release.kubectl import NAMESPACE, KubectlError

HIGH = {"reads": 120, "writes": 2}
"""A second: measured 2.5 ms of the app's CPU for a read, so 150m a Pod, where k8s/kind's two Pods
with 60 % of 100m each are to have 60m."""
STEADY_SECONDS = 90
SHORTER = {
    "spec": {
        "behavior": {
            "scaleUp": {"stabilizationWindowSeconds": 0},
            "scaleDown": {
                "stabilizationWindowSeconds": 45,
                "policies": [{"type": "Pods", "value": 1, "periodSeconds": 15}],
            },
        }
    }
}
"""For the test alone: with 30 s before it grows and 300 s before it shrinks it would take long."""


@pytest.fixture
def _metrics(platform: Cluster) -> None:
    try:
        platform.kubectl.run("get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes")
    except KubectlError as error:
        pytest.skip(f"the cluster has no metrics-server: {error}")


@pytest.mark.usefixtures("_metrics")
def test_it_grows_under_load_and_shrinks_after_it_without_flapping(
    platform: Cluster, load: Callable[[Mapping[str, int]], Traffic], figures: Figures
) -> None:
    """Under steady load the wanted number never falls, afterwards it never grows; nothing fails."""
    platform.until_settled()
    patch = ("--type=merge", f"--patch={json.dumps(SHORTER)}")
    platform.kubectl.run("patch", "hpa/query-api", f"--namespace={NAMESPACE}", *patch)
    started = time.monotonic()

    traffic = load(HIGH)
    figures.note("load → HPA has scaled up", [_until(platform, lambda now: now > 2)])
    platform.until(
        lambda: time.monotonic() > started + STEADY_SECONDS, what="load goes on", seconds=300
    )
    under_load, answers = wanted(platform, after=started), traffic.take()
    traffic.close()
    ended = time.monotonic()
    platform.kubectl.run("delete", "pod", "load", f"--namespace={NAMESPACE}")
    figures.note("no load → HPA is back at its minimum", [_until(platform, lambda now: now == 2)])
    platform.until_settled(seconds=300)

    afterwards = wanted(platform, after=ended)
    figures.say("HPA scaling: Pods wanted under load", " ".join(map(str, under_load)))
    figures.say("HPA scaling: Pods wanted afterwards", " ".join(map(str, afterwards)))
    figures.say("requests while it grew", told(answers))
    assert under_load == sorted(under_load)
    assert afterwards == sorted(afterwards, reverse=True)
    assert failed(answers) == {"reads": 0, "writes": 0}, answers


def wanted(platform: Cluster, *, after: float) -> list[int]:
    """The numbers of Pods that the autoscaler wanted, each change."""
    found: list[int] = []
    for each in platform.autoscalers.since(after):
        autoscaler = each.what["object"]
        if autoscaler["metadata"]["name"] == "query-api":
            number = int(autoscaler["status"].get("desiredReplicas", 0))
            if number not in found[-1:]:
                found.append(number)
    return found


def _until(platform: Cluster, condition: Callable[[int], bool]) -> float:
    def asked() -> bool:
        autoscaler = platform.autoscalers.now()["query-api"]
        return condition(autoscaler["status"]["desiredReplicas"])

    return platform.until(asked, what="the autoscaler wants another number of Pods", seconds=300)
