"""The kubectl on the PATH, and the cluster that its current context names."""

import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

NAMESPACE: Final = "bukken"
Say = Callable[[str], None]
Document = Mapping[str, Any]


class KubectlError(Exception):
    """It could not do what it was told; the text is its own."""


@dataclass(frozen=True)
class Kubectl:
    """What a release asks of a cluster.

    Attributes:
        say: is told what kubectl says while it waits.
    """

    say: Say

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """What it prints.

        Raises:
            KubectlError: it failed; with what it said.
        """
        done = subprocess.run(
            ["kubectl", *arguments],  # noqa: S607 — the operator's own, with its own credentials
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise KubectlError(f"kubectl {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """An object of our namespace, if it is there."""
        found = self.run(
            "get", kind, name, f"--namespace={NAMESPACE}", "--ignore-not-found", "--output=yaml"
        )
        return yaml.safe_load(found) if found else None

    def all(self, kind: str, *options: str) -> list[Document]:
        """The objects of a kind, of our namespace."""
        found = self.run("get", kind, f"--namespace={NAMESPACE}", "--output=yaml", *options)
        items: list[Document] = yaml.safe_load(found)["items"]
        return items

    def apply(self, documents: Iterable[Document], *options: str) -> None:
        """Sends documents to the server."""
        self.run("apply", "--filename=-", *options, stdin=yaml.safe_dump_all(documents))

    def undo(self, name: str, *options: str) -> None:
        """Gives a Deployment the Pods of an earlier revision; of the one before by default.

        It warns that the annotation of the last apply is not undone. It need not be: the next apply
        compares with what is there.
        """
        self.say(self.run("rollout", "undo", *_target(name), *options).strip())

    def wait_for_rollout(self, name: str, *, seconds: int) -> None:
        """Until each Pod of a Deployment is of its newest revision and has been ready for a while.

        Raises:
            KubectlError: that did not come to be.
        """
        with subprocess.Popen(
            ["kubectl", "rollout", "status", *_target(name), f"--timeout={seconds}s"],  # noqa: S607 — as above
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as running:
            last = ""
            for line in running.stdout or ():
                last = line.strip()
                self.say(f"  {last}")
        if running.returncode != 0:
            raise KubectlError(f"rollout of {name}: {last}")


def _target(name: str) -> tuple[str, str]:
    return f"deployment/{name}", f"--namespace={NAMESPACE}"
