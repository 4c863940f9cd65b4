"""What stops Pods, under reads and writes through the load balancer's stand-in."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping

import pytest
from deployment.rendered import SIDES
from kind.cluster import Cluster
from kind.durations import Moments, Seers, new_pods, note, start_of, stop_of
from kind.figures import Figures
from kind.traffic import RATES, Traffic, failed, told
from kind.watching import Document, Stream

from k8s.release.kubectl import NAMESPACE

NONE = {"reads": 0, "writes": 0}
PRESTOP_SECONDS = 40
WITHOUT_PRESTOP = [{"op": "remove", "path": "/spec/template/spec/containers/0/lifecycle/preStop"}]
Answers = dict[str, Counter[str]]


@pytest.fixture(scope="module")
def traffic(platform: Cluster, load: Callable[[Mapping[str, int]], Traffic]) -> Traffic:
    """Through all tests of this module: what is late shows in the next."""
    platform.until_settled()
    return load(RATES)


@pytest.fixture(scope="module")
def seers(platform: Cluster, names: Stream, processes: Stream) -> Seers:
    """All that sees a Pod's life."""
    return Seers(cluster=platform, names=names, processes=processes)


@pytest.fixture(scope="module")
def deleted(seers: Seers, traffic: Traffic) -> tuple[Answers, list[Moments]]:
    """One Pod of each side is deleted: the answers meanwhile, and the Pods' last steps."""
    cluster = seers.cluster
    cluster.until_settled()
    traffic.take()
    pods, before = [cluster.of(app)[0] for app in SIDES], time.monotonic()
    names = [pod["metadata"]["name"] for pod in pods]
    cluster.kubectl.run("delete", "pod", *names, f"--namespace={NAMESPACE}", "--wait=false")
    cluster.until_gone(*pods)

    def stops() -> list[Moments]:
        return [stop_of(pod, seers=seers, after=before) for pod in pods]

    def over() -> bool:
        return all(stop["out of the mesh"] for stop in stops())

    cluster.until(over, what="no name leads to them", seconds=60)
    return traffic.take(), stops()


def test_a_deleted_pod_fails_no_request(
    deleted: tuple[Answers, list[Moments]], figures: Figures
) -> None:
    """It is drained by its preStop; another is made at once."""
    answers, _ = deleted

    figures.say("a Pod of each side deleted", told(answers))
    assert failed(answers) == NONE, answers


def test_the_app_is_stopped_after_prestop_and_envoy_last(
    deleted: tuple[Answers, list[Moments]], figures: Figures
) -> None:
    """The whole preStop runs, then the app ends, then Envoy: seen at the processes themselves."""
    _, stops = deleted
    for what, steps in {
        "Pod told to stop → out of the EndpointSlice": ("told", "unlisted"),
        "out of the EndpointSlice → out of DNS": ("unlisted", "out of DNS"),
        "Pod told to stop → preStop runs": ("told", "preStop"),
        "preStop runs → it is done, SIGTERM to the app": ("preStop", "preStop done"),
        "SIGTERM to the app → it has ended": ("preStop done", "app ended"),
        "app ended → Envoy ended": ("app ended", "Envoy ended"),
        "Envoy ended → Pod gone": ("Envoy ended", "gone"),
        "Envoy ended → out of the mesh's DNS": ("Envoy ended", "out of the mesh"),
    }.items():
        note(figures, what, stops, steps=steps)

    order = ("told", "preStop", "preStop done", "app ended", "Envoy ended", "gone")
    for stop in stops:
        moments = [stop[step] or 0 for step in order]
        assert moments == sorted(moments), stop
        assert moments[2] - moments[1] > PRESTOP_SECONDS - 1, stop


def test_a_rolling_update_fails_no_request(
    seers: Seers, traffic: Traffic, figures: Figures
) -> None:
    """Both Deployments are rolled at once, Pod by Pod."""
    cluster = seers.cluster
    cluster.until_settled()
    traffic.take()
    before = time.monotonic()

    for app in SIDES:
        cluster.kubectl.run("rollout", "restart", f"deployment/{app}", f"--namespace={NAMESPACE}")
    cluster.roll_out()

    figures.note("rollout of both sides, 2 Pods each → old Pods gone", [time.monotonic() - before])
    starts = [start_of(pod, seers=seers, after=before) for pod in new_pods(cluster, after=before)]
    for what, steps in {
        "Pod created → Envoy runs": ("created", "Envoy runs"),
        "Envoy runs → app runs": ("Envoy runs", "app runs"),
        "app runs → its start-up probe is content": ("app runs", "app started"),
        "start-up probe content → Pod ready": ("app started", "ready"),
        "Pod created → ready": ("created", "ready"),
        "Pod ready → in the EndpointSlice": ("ready", "listed"),
        "in the EndpointSlice → in DNS": ("listed", "in DNS"),
    }.items():
        note(figures, what, starts, steps=steps)
    answers = traffic.take()
    figures.say("rolling update of both Deployments", told(answers))
    assert failed(answers) == NONE, answers


def test_undoing_a_rollout_fails_no_request(
    platform: Cluster, traffic: Traffic, figures: Figures
) -> None:
    """`kubectl rollout undo` is a rollout like any other."""
    platform.until_settled()
    traffic.take()

    for app in SIDES:
        platform.kubectl.undo(app)
    platform.roll_out()

    answers = traffic.take()
    figures.say("`kubectl rollout undo` of both Deployments", told(answers))
    assert failed(answers) == NONE, answers


def test_an_eviction_fails_no_request(
    platform: Cluster, traffic: Traffic, figures: Figures
) -> None:
    """A node that is drained evicts; the budget lets one Pod of each side go."""
    platform.until_settled()
    traffic.take()
    pods = [platform.of(app)[0] for app in SIDES]

    for pod in pods:
        evict(platform, pod)
    platform.until_gone(*pods)

    answers = traffic.take()
    figures.say("a Pod of each side evicted", told(answers))
    assert failed(answers) == NONE, answers


def test_without_prestop_requests_fail(
    platform: Cluster, traffic: Traffic, figures: Figures
) -> None:
    """The hook is what nobody is hurt by: Pods that lack it are stopped while they are targets."""
    platform.until_settled()
    patch = f"--patch={json.dumps(WITHOUT_PRESTOP)}"
    for app in SIDES:
        target = (f"deployment/{app}", f"--namespace={NAMESPACE}")
        platform.kubectl.run("patch", *target, "--type=json", patch)
    platform.roll_out()
    traffic.take()

    for app in SIDES:
        platform.kubectl.undo(app)
    platform.roll_out()

    answers = traffic.take()
    figures.say("rolling update without preStop", told(answers))
    assert min(failed(answers).values()) > 0, answers


def evict(platform: Cluster, pod: Document) -> None:
    """Asks for it as `kubectl drain` does."""
    name = pod["metadata"]["name"]
    metadata = {"name": name, "namespace": NAMESPACE}
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/eviction"
    platform.kubectl.run("create", f"--raw={path}", "--filename=-", stdin=json.dumps(eviction))
