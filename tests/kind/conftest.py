"""The platform on a real cluster: `make kind-test`. Without one named, its tests are skipped."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from deployment.rendered import SIDES
from kind.cluster import Cluster, names_seen, processes_seen, ready
from kind.figures import Figures
from kind.inside import pods as inside
from kind.traffic import Traffic
from kind.watching import Stream

from k8s.release.contexts import refusal_of_a_real_one
from k8s.release.kubectl import NAMESPACE, Kubectl, KubectlError, Say

ROOT = Path(__file__).parents[2]
UP_SECONDS = 300
DELETE_SECONDS = 240


@pytest.fixture(scope="session")
def say() -> Say:
    """Tells the person who waits, at once: `make kind-test` captures nothing."""
    started = time.monotonic()

    def told(text: str) -> None:
        sys.stdout.write(f"{time.monotonic() - started:7.1f} s  {text}\n")
        sys.stdout.flush()

    return told


@pytest.fixture(scope="session")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The current context, which from here on stays what it is, whoever switches to another."""
    confirmed = os.environ.get("BUKKEN_KIND_TEST")
    if confirmed is None:
        pytest.skip("needs a cluster: make kind-test")
    pinned = tmp_path_factory.mktemp("context") / "config"
    pinned.touch(mode=0o600)
    try:
        pinned.write_text(Kubectl(print).run("config", "view", "--minify", "--flatten", "--raw"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KUBECONFIG", str(pinned))
            yield _allowed(Kubectl(print), confirmed=confirmed)
    except KubectlError as error:
        pytest.exit(f"kind-test: {error}", returncode=1)
    finally:
        pinned.unlink()  # it has somebody's credentials


def _allowed(kubectl: Kubectl, *, confirmed: str) -> str:
    """The context's name; the run ends here if it may not be had."""
    name = kubectl.run("config", "current-context").strip()
    nodes = json.loads(kubectl.run("get", "nodes", "--output=json"))["items"]
    provider_ids = {node["spec"].get("providerID", "") for node in nodes}
    if why := refusal_of_a_real_one(name, provider_ids=provider_ids, confirmed=confirmed):
        pytest.exit(f"kind-test: {why}", returncode=1)
    return name


@pytest.fixture(scope="session")
def cluster(context: str, say: Say) -> Iterator[Cluster]:
    """The cluster, seen, with nothing of the platform; nor is anything left in the end."""
    say(f"context {context}")
    kubectl = Kubectl(say)
    _delete_own(kubectl)
    with Cluster.seen(say) as found:
        try:
            yield found
        finally:
            _delete_own(kubectl)


def _delete_own(kubectl: Kubectl) -> None:
    """Deletes namespaces that these tests made; another of that name stops the run."""
    for name in (NAMESPACE, inside.NODE_NAMESPACE):
        found = kubectl.get("namespace", name)
        if found is None:
            continue
        if found["metadata"].get("annotations", {}).keys().isdisjoint(inside.MARK):
            pytest.exit(
                f"kind-test: there is a namespace {name} that it did not make", returncode=1
            )
        kubectl.say(f"deleting the namespace {name}")
        kubectl.run("delete", "namespace", name, f"--timeout={DELETE_SECONDS}s")


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    """What is measured; written down when all has gone well."""
    found = Figures()
    yield found
    sys.stdout.write(f"\n{found.table()}\n")
    if not request.session.testsfailed and found.whole():
        found.write(kubectl=Kubectl(print))


@pytest.fixture(scope="session")
def platform(cluster: Cluster, figures: Figures) -> Cluster:
    """k8s/kind, brought up from nothing, with its sample."""
    kubectl = cluster.kubectl
    started = time.monotonic()
    kubectl.run("apply", f"--kustomize={ROOT / 'k8s' / 'kind'}")
    mark = [f"{key}={value}" for key, value in inside.MARK.items()]
    kubectl.run("annotate", "namespace", NAMESPACE, *mark)

    def up() -> bool:
        pods = [cluster.of(app) for app in (*SIDES, "alb")]
        return all(map(len, pods)) and all(ready(pod) for each in pods for pod in each)

    def sent() -> bool:
        legacy = cluster.jobs.now().get("legacy", {})
        return bool(legacy.get("status", {}).get("succeeded"))

    cluster.until(up, what="both sides and the load balancer are ready", seconds=UP_SECONDS)
    figures.note("from nothing → both sides ready", [time.monotonic() - started])
    cluster.until(sent, what="the sample is sent", seconds=UP_SECONDS)
    figures.note(
        "from nothing → sample sent through the load balancer", [time.monotonic() - started]
    )
    cluster.until_settled(seconds=UP_SECONDS)
    return cluster


@pytest.fixture(scope="session")
def clients_secret(platform: Cluster) -> str:
    """The name of the Secret with the issuer's clients, which has a hash in it."""
    (issuer,) = platform.of("issuer")
    return next(
        str(volume["secret"]["secretName"])
        for volume in issuer["spec"]["volumes"]
        if volume["name"] == "clients"
    )


@pytest.fixture(scope="session")
def _programs(platform: Cluster) -> None:
    platform.kubectl.apply([inside.programs(NAMESPACE)])


@pytest.fixture(scope="session")
def names(platform: Cluster, clients_secret: str, _programs: None) -> Iterator[Stream]:
    """What the headless names resolve to in the cluster, as it changes."""
    asked = [name for app in SIDES for name in (app, f"{app}-mesh")]
    platform.kubectl.apply([inside.client("names", "names.py", *asked, secret=clients_secret)])
    _until_running(platform, "names")
    with names_seen() as stream:
        platform.until(lambda: stream.seen, what="names are asked for", seconds=60)
        yield stream


@pytest.fixture(scope="session")
def processes(platform: Cluster) -> Iterator[Stream]:
    """The platform's processes on the nodes, as they start and end."""
    seers = [inside.node_namespace(), inside.programs(inside.NODE_NAMESPACE), inside.on_each_node()]
    platform.kubectl.apply(seers)
    target = ("rollout", "status", "daemonset/processes", f"--namespace={inside.NODE_NAMESPACE}")
    platform.kubectl.run(*target, "--timeout=60s")
    with processes_seen() as stream:
        yield stream


@pytest.fixture(scope="module")
def load(
    platform: Cluster, clients_secret: str, _programs: None
) -> Iterator[Callable[[Mapping[str, int]], Traffic]]:
    """Starts steady traffic in the cluster, so many requests a second, until the module ends."""
    started: list[Traffic] = []

    def start(rates: Mapping[str, int]) -> Traffic:
        arguments = [str(rates["reads"]), str(rates["writes"])]
        pod = inside.client("load", "load.py", *arguments, secret=clients_secret)
        platform.kubectl.apply([pod])
        _until_running(platform, "load")
        started.append(Traffic(platform))
        return started[-1]

    yield start
    for traffic in started:
        traffic.close()
    platform.kubectl.run("delete", "pod", "load", f"--namespace={NAMESPACE}", "--ignore-not-found")


def _until_running(platform: Cluster, name: str) -> None:
    def running() -> bool:
        pod = platform.pods.now().get(name)
        return pod is not None and pod["status"]["phase"] == "Running"

    platform.until(running, what=f"{name} runs", seconds=60)
