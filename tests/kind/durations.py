"""How long the steps of a Pod's life took, from what was seen of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from deployment.rendered import SIDES
from kind.cluster import Cluster, app_of, ready, status_of, stopping
from kind.figures import Figures
from kind.watching import Document, Stream

Moments = Mapping[str, float | None]


@dataclass(frozen=True)
class Seers:
    """All that sees a Pod's life."""

    cluster: Cluster
    names: Stream
    processes: Stream


def start_of(pod: Document, *, seers: Seers, after: float) -> Moments:
    """When each step of a start was seen."""
    uid, app = pod["metadata"]["uid"], app_of(pod)
    address, pods = pod["status"].get("podIP"), seers.cluster.pods
    listed = seers.cluster.slices.first(
        lambda event: address in addresses_of(event, service=app), after=after
    )
    return {
        "created": pods.first(lambda e: _is(e, uid), after=after),
        "Envoy runs": _process(seers, uid, "envoy started", after=after),
        "app runs": _process(seers, uid, "app started", after=after),
        "app started": pods.first(
            lambda e: _is(e, uid) and status_of(e["object"], "app").get("started"), after=after
        ),
        "ready": pods.first(lambda e: _is(e, uid) and ready(e["object"]), after=after),
        "listed": listed,
        "in DNS": seers.names.first(lambda found: address in found[app], after=after),
    }


def stop_of(pod: Document, *, seers: Seers, after: float) -> Moments:
    """When each step of a stop was seen."""
    uid, app, address = pod["metadata"]["uid"], app_of(pod), pod["status"]["podIP"]
    pods = seers.cluster.pods
    listed = seers.cluster.slices.last(
        lambda event: address in addresses_of(event, service=app), after=0
    )
    return {
        "told": pods.first(lambda e: _is(e, uid) and stopping(e["object"]), after=after),
        "unlisted": seers.cluster.slices.first(
            lambda e: _of_service(e, app) and address not in addresses_of(e, service=app),
            after=max(after, listed or 0),
        ),
        "out of DNS": seers.names.first(lambda found: address not in found[app], after=after),
        "out of the mesh": seers.names.first(
            lambda found: address not in found[f"{app}-mesh"], after=after
        ),
        "preStop": _process(seers, uid, "drain started", after=after),
        "preStop done": _process(seers, uid, "drain ended", after=after),
        "app ended": _process(seers, uid, "app ended", after=after, last=True),
        "Envoy ended": _process(seers, uid, "envoy ended", after=after, last=True),
        "gone": pods.first(lambda e: _is(e, uid) and e["type"] == "DELETED", after=after),
    }


def addresses_of(event: Document, *, service: str) -> set[str]:
    """The ready ones that an EndpointSlice of this Service has."""
    if not _of_service(event, service) or event["type"] == "DELETED":
        return set()
    return {
        address
        for endpoint in event["object"].get("endpoints") or ()
        if endpoint["conditions"].get("ready")
        for address in endpoint["addresses"]
    }


def new_pods(cluster: Cluster, *, after: float) -> list[Document]:
    """The platform's Pods made since then that are there."""
    old = {each.what["object"]["metadata"]["uid"] for each in cluster.pods.seen if each.at <= after}
    pods = [pod for app in SIDES for pod in cluster.of(app)]
    return [pod for pod in pods if pod["metadata"]["uid"] not in old]


def note(
    figures: Figures, what: str, all_moments: Sequence[Moments], *, steps: Iterable[str]
) -> None:
    """One figure: from the first of two steps to the second, of all Pods where both were seen."""
    first, second = steps
    pairs = [(moments[first], moments[second]) for moments in all_moments]
    figures.note(what, [b - a for a, b in pairs if a is not None and b is not None])


def _process(
    seers: Seers, uid: str, what: str, *, after: float, last: bool = False
) -> float | None:
    """The first to start, or the last to end: gunicorn is two processes."""
    find = seers.processes.last if last else seers.processes.first
    return find(lambda line: line == {"what": what, "uid": uid}, after=after)


def _is(event: Document, uid: str) -> bool:
    return bool(event["object"]["metadata"]["uid"] == uid)


def _of_service(event: Document, service: str) -> bool:
    labels = event["object"]["metadata"]["labels"]
    return bool(labels.get("kubernetes.io/service-name") == service)
