"""What a run on a real cluster measured, beside what the runner of local/ takes it to be."""

import json
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bukken_local.kubernetes.delays import Delays
from k8s.release.kubectl import Kubectl

PAGE = Path(__file__).parents[2] / "docs" / "real-cluster-figures.md"
_DELAYS = Delays()
LOCAL = {
    "Pod told to stop → out of the EndpointSlice": f"{_DELAYS.endpoints.seconds:g} s",
    "out of the EndpointSlice → out of DNS": f"up to {_DELAYS.dns_cache.seconds:g} s",
    "Pod ready → in the EndpointSlice": f"{_DELAYS.endpoints.seconds:g} s",
    "in the EndpointSlice → in DNS": f"up to {_DELAYS.dns_cache.seconds:g} s",
}
HEAD = """# Figures of the last run on a real cluster

Written by `make kind-test`; [real-cluster.md](real-cluster.md) says what it does. Seconds are the
middle one of those seen, in brackets the least and the most.

"""


class Figures:
    """Rows of a table, in the order they came."""

    def __init__(self) -> None:
        self._rows: dict[str, str] = {}

    def note(self, what: str, seconds: Sequence[float]) -> None:
        """A duration, seen once or more often."""
        text = f"{_told(statistics.median(seconds))} s"
        if len(seconds) > 1:
            text += f" ({_told(min(seconds))} to {_told(max(seconds))}, {len(seconds)} times)"
        self._rows[what] = text

    def say(self, what: str, said: str) -> None:
        """What is not a duration."""
        self._rows[what] = said

    def whole(self) -> bool:
        """Whether it is the whole run's, and not a few tests'."""
        return set(LOCAL) <= self._rows.keys() and any("scal" in what for what in self._rows)

    def table(self) -> str:
        """In Markdown."""
        rows = [f"| {what} | {said} | {LOCAL.get(what, '')} |" for what, said in self._rows.items()]
        return "\n".join(["| what | measured | in `local/` |", "| --- | --- | --- |", *rows])

    def write(self, *, kubectl: Kubectl) -> None:
        """The page, with what it was measured on."""
        version = json.loads(kubectl.run("version", "--output=json"))["serverVersion"]["gitVersion"]
        nodes = json.loads(kubectl.run("get", "nodes", "--output=json"))["items"]
        cpus = ", ".join(node["status"]["allocatable"]["cpu"] for node in nodes)
        on = f"{datetime.now(UTC):%Y-%m-%d}, Kubernetes {version}, {len(nodes)} node(s)"
        PAGE.write_text(f"{HEAD}{on}, CPUs: {cpus}.\n\n{self.table()}\n", encoding="utf-8")


def _told(seconds: float) -> str:
    """As exact as it is seen; two streams may show what happens together in either order."""
    return f"{seconds:.1f}" if seconds >= 1 else f"{max(seconds, 0):.2f}"
