import json
from pathlib import Path

import yaml
from deployment.rendered import SIDES
from kind.cluster import Cluster
from kind.figures import Figures
from kind.watching import Stream

ROOT = Path(__file__).parents[2]
OF_CONTROLLERS = {"IngressClassParams", "SecretProviderClass"}
OK = """
from bukken_contract.sidecar import post
post('/healthcheck/ok', admin_url='http://127.0.0.1:9901')
"""


def test_it_comes_up_from_nothing_by_one_command(platform: Cluster) -> None:
    """`kubectl apply -k k8s/kind` ends in two Pods of each side, and the sample behind them."""
    platform.until_settled()

    assert [len(platform.of(app)) for app in SIDES] == [2, 2], platform.picture()


def test_the_server_takes_stagings_built_in_kinds(platform: Cluster, figures: Figures) -> None:
    """All but what EKS's controllers bring is accepted as it is, by a real API server."""
    rendered = platform.kubectl.run("kustomize", str(ROOT / "k8s" / "staging"))
    documents = list(yaml.safe_load_all(rendered))
    listed = platform.kubectl.run("api-resources", "--no-headers").splitlines()
    kinds = {line.split()[-1] for line in listed}
    built_in = [document for document in documents if document["kind"] in kinds]

    platform.kubectl.apply(built_in, "--dry-run=server")

    assert {document["kind"] for document in documents} - kinds <= OF_CONTROLLERS
    figures.say(
        "staging, server-side dry run", f"{len(built_in)} of {len(documents)} documents, all taken"
    )


def test_a_headless_name_is_its_ready_pods_and_the_mesh_name_all(
    platform: Cluster, names: Stream, figures: Figures
) -> None:
    """A Pod whose Envoy drains leaves the one name, stays in the other, and returns."""
    platform.until_settled()
    first, second = (pod["status"]["podIP"] for pod in platform.of("query-api"))
    pod, both = platform.of("query-api")[0], sorted((first, second))

    def names_are(ready: list[str]) -> bool:
        now = names.seen[-1].what
        return bool(now["query-api"] == ready and now["query-api-mesh"] == both)

    platform.until(lambda: names_are(both), what="both names are both Pods", seconds=30)
    platform.in_app(pod, "env", "BUKKEN_DRAIN_SECONDS=0", "python", "-m", "bukken_contract.drain")
    left = platform.until(lambda: names_are([second]), what="one name is one Pod", seconds=60)
    platform.in_app(pod, "python", "-c", OK)
    back = platform.until(lambda: names_are(both), what="both names are both again", seconds=60)

    figures.note("Envoy told to drain → out of DNS, still in the mesh's name", [left])
    figures.note("Envoy told that it is well → in DNS again", [back])
    assert json.dumps(names.seen[-1].what).count(first) == 2
