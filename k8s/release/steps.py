"""The steps of a release, and of taking it back.

Migrate, wait, apply, wait for the rollout, ask the platform itself; and when one of the last two
fails, back to the Pods of before. What fails earlier has changed nothing that serves.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from k8s.release import smoke
from k8s.release.kubectl import NAMESPACE, Kubectl, KubectlError, Say

# What serves: it comes after the migrations. All else is there before them, since Jobs need it.
SERVING: Final = ("command-api", "query-api")
JOB_SECONDS: Final = 900  # k8s/base/schema.yaml: activeDeadlineSeconds
# Ten Pods one by one, each half a minute to start and become a target, and a new node.
ROLLOUT_SECONDS: Final = 1200
EXAMPLE_ACCOUNT: Final = "111122223333"  # AWS's own documents have it

Document = Mapping[str, Any]


class ReleaseError(Exception):
    """The release stopped; the text says at what, and what now serves."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """One overlay, as rendered, and the cluster it is for.

    Attributes:
        url: where the platform is asked; None leaves the asking out.
        token: with it, a page of listings is asked for too.
    """

    documents: list[Document]
    kubectl: Kubectl
    url: str | None
    token: str | None
    say: Say

    def bring_out(self) -> None:
        """All steps in order.

        Raises:
            ReleaseError, KubectlError: one failed.
        """
        self._refuse_the_wrong_cluster()
        if self.kubectl.get("namespace", NAMESPACE):
            self.say("asking the server whether it would take all of it")
            self.kubectl.apply(self.documents, "--dry-run=server")
        before = self._revisions()
        self._migrate()
        self.say("applying what serves")
        self.kubectl.apply(self.documents)
        try:
            self._wait_and_ask()
        except (ReleaseError, KubectlError) as error:
            raise ReleaseError(f"{error}\n{self._undone(before)}") from error

    def take_back(self) -> None:
        """The Pods of the release before, of both sides.

        Raises:
            ReleaseError, KubectlError: there is none, or they do not come up.
        """
        self._refuse_the_wrong_cluster()
        for name in SERVING:
            self.kubectl.undo(name)
        self._wait_and_ask()

    def _refuse_the_wrong_cluster(self) -> None:
        """Staging's parameters in production's cluster: staging's database behind its name."""
        if EXAMPLE_ACCOUNT in yaml.safe_dump_all(self.documents):
            raise ReleaseError(f"parameters.env is still the example: account {EXAMPLE_ACCOUNT}")
        wanted = self._parameter("cluster")
        context = self.kubectl.run("config", "current-context").strip()
        if wanted and context.rpartition("/")[2] != wanted:
            raise ReleaseError(f"the current context is {context}; this is for cluster {wanted}")

    def _parameter(self, name: str) -> str | None:
        for document in self._of_kind("ConfigMap"):
            if document["metadata"]["name"].startswith("bukken-"):
                value: str | None = document["data"].get(name)
                return value
        return None

    def _migrate(self) -> None:
        self.say("applying all but what serves; migrating")
        self.kubectl.apply(document for document in self.documents if not _serves(document))
        for job in self._of_kind("Job"):
            if job["metadata"]["labels"]["app.kubernetes.io/name"] in {"bootstrap", "migrate"}:
                self._wait_for(job["metadata"]["name"])

    def _wait_for(self, job: str) -> None:
        self.say(f"waiting for Job {job}")
        deadline = time.monotonic() + JOB_SECONDS
        while time.monotonic() < deadline:
            true = _conditions(self.kubectl.get("job", job))
            if "Complete" in true:
                return
            if "Failed" in true:
                break
            time.sleep(1)
        raise ReleaseError(f"Job {job} failed; nothing new serves. Its end:\n{self._end_of(job)}")

    def _end_of(self, job: str) -> str:
        try:
            return self.kubectl.run("logs", f"job/{job}", f"--namespace={NAMESPACE}", "--tail=20")
        except KubectlError as error:  # its Pod may never have started
            return str(error)

    def _wait_and_ask(self) -> None:
        for name in SERVING:
            self.say(f"{name}: rolling out")
            self.kubectl.wait_for_rollout(name, seconds=ROLLOUT_SECONDS)
        if self.url is None:
            self.say("asked nobody: this overlay has no Ingress, and no URL was given")
            return
        self.say(f"asking {self.url}")
        try:
            smoke.test(self.url, token=self.token)
        except smoke.WrongAnswerError as error:
            raise ReleaseError(f"smoke test: {error}") from error

    def _revisions(self) -> dict[str, str]:
        """Which revision of each Deployment is the newest; nothing of those not there yet."""
        found = {name: self.kubectl.get("deployment", name) for name in SERVING}
        return {
            name: deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
            for name, deployment in found.items()
            if deployment
        }

    def _undone(self, before: Mapping[str, str]) -> str:
        """Back to the Pods of before; says what serves now.

        The Pods' template names ConfigMaps by a hash, and those of before are still there: so their
        files and parameters come back with them.
        """
        if not before:
            return "It was the first release: there is nothing to go back to. It stays as it is."
        now = self._revisions()
        try:
            for name in before:
                if now[name] != before[name]:
                    self.say(f"{name}: back to revision {before[name]}")
                    self.kubectl.undo(name, f"--to-revision={before[name]}")
            for name in before:
                self.kubectl.wait_for_rollout(name, seconds=ROLLOUT_SECONDS)
        except KubectlError as error:
            return f"And it could not be undone: {error}"
        return "Undone: the Pods of before serve, on the new schema, which they can."

    def _of_kind(self, kind: str) -> list[Document]:
        return [document for document in self.documents if document["kind"] == kind]


def _serves(document: Document) -> bool:
    return document["kind"] == "Deployment" and document["metadata"]["name"] in SERVING


def _conditions(job: Document | None) -> set[str]:
    """What is true of a Job; one that its time to live has swept away was complete."""
    if job is None:
        return {"Complete"}
    conditions = job.get("status", {}).get("conditions", ())
    return {each["type"] for each in conditions if each["status"] == "True"}
