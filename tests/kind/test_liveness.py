import time

from deployment.rendered import SIDES
from kind.cluster import Cluster, ready, status_of, stop_app
from kind.figures import Figures
from kind.watching import Document, Stream

HEAL_SECONDS = 180
"""Four looks 10 s apart, its own 10 s to end, a restart."""


def test_an_app_that_hangs_is_restarted_and_serves_again(
    platform: Cluster, processes: Stream, figures: Figures
) -> None:
    """Its preStop has told Envoy to drain; the app that starts says that all is well."""
    platform.until_settled()
    pods = [platform.of(app)[0] for app in SIDES]
    before = time.monotonic()
    for pod in pods:
        stop_app(platform, pod)

    def now(pod: Document) -> Document:
        return platform.pods.now()[pod["metadata"]["name"]]

    def drained() -> bool:
        return not any(ready(now(pod)) for pod in pods)

    def healed() -> bool:
        restarted = (status_of(now(pod), "app")["restartCount"] == 1 for pod in pods)
        return all(restarted) and all(ready(now(pod)) for pod in pods)

    platform.until(drained, what="they are not ready", seconds=HEAL_SECONDS)
    figures.note("app hangs (SIGSTOP) → Pod not ready", [time.monotonic() - before])
    platform.until(healed, what="they are restarted, and ready", seconds=HEAL_SECONDS)
    figures.note("app hangs → restarted by liveness, Pod ready again", [time.monotonic() - before])

    assert [status_of(now(pod), "envoy")["restartCount"] for pod in pods] == [0, 0]
    uids = {pod["metadata"]["uid"] for pod in pods}
    hooks = [each.what["uid"] for each in processes.since(before) if "drain" in each.what["what"]]
    assert uids <= set(hooks)
