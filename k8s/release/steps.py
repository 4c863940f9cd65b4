"""The steps of a release, and of taking it back.

Migrate, wait, apply, wait for the rollout, ask the platform itself; and when one of the last three
fails, back to the Pods of before. All but the Pods that serve is applied before the migration, the
Ingress too, since a Pod made before it has no readiness gate: that stays, whatever fails.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import yaml

from k8s.release import contexts, smoke
from k8s.release.errors import ReleaseError
from k8s.release.history import History, Pods
from k8s.release.jobs import Jobs
from k8s.release.kubectl import NAMESPACE, Document, Kubectl, KubectlError, Say

# What serves: it comes after the migrations. All else is there before them, since Jobs need it.
SERVING: Final = ("command-api", "query-api", "inquiry-relay")
# Ten Pods one by one, each half a minute to start and become a target, and a new node.
ROLLOUT_SECONDS: Final = 1200
EXAMPLE_ACCOUNT: Final = "111122223333"  # AWS's own documents have it
STAYS: Final = "Ingress, autoscalers, budgets and policies stay as this release has them."


@dataclass(frozen=True, kw_only=True)
class Release:
    """One overlay, as rendered, and the cluster it is for.

    Attributes:
        url: where the platform is asked; None leaves the asking out.
        token: with it, a page of listings is asked for too.
        confirmed: the context that somebody named as one for throwing away.
    """

    documents: list[Document]
    kubectl: Kubectl
    url: str | None
    token: str | None
    confirmed: str | None
    say: Say

    def bring_out(self) -> None:
        """All steps in order.

        Raises:
            ReleaseError, KubectlError: one failed.
        """
        self._refuse_the_wrong_cluster()
        before: dict[str, Pods] = {}
        if self.kubectl.get("namespace", NAMESPACE):
            self._ask_the_server()
            before = self._history.now()
            self._history.begin(before)
        self._migrate()
        try:
            self.say("applying what serves")
            self.kubectl.apply(self.documents)
            self._wait_and_ask()
        except (ReleaseError, KubectlError) as error:
            raise ReleaseError(f"{error}\n{self._undone(before)}") from error
        self._history.add(self._parameter("release") or "?")

    def take_back(self) -> None:
        """The Pods that served before the last release, on both sides.

        All is looked up before one is touched.

        Raises:
            ReleaseError, KubectlError: there are none, or they do not come up.
        """
        self._refuse_the_wrong_cluster()
        goal, now = self._history.before(), self._history.now()
        pods = self._history.revisions_of(goal)
        for name, each in pods.items():
            was = now[name].revision
            self.say(f"{name}: revision {was} -> {each.revision} (release {goal.release})")
        try:
            self._go_back(pods)
            self._wait_and_ask()
        except (ReleaseError, KubectlError) as error:
            serves = self._history.what_serves()
            raise ReleaseError(f"{error}\nIt is not undone. What serves: {serves}") from error
        self._history.back_at(goal)

    @cached_property
    def _history(self) -> History:
        return History(SERVING, self.kubectl)

    @cached_property
    def _jobs(self) -> Jobs:
        schema = {"bootstrap", "migrate"}
        jobs = (each for each in self._of_kind("Job") if _component(each) in schema)
        return Jobs({each["metadata"]["name"]: each for each in jobs}, self.kubectl)

    def _refuse_the_wrong_cluster(self) -> None:
        """Staging's parameters in production's cluster: staging's database behind its name."""
        if EXAMPLE_ACCOUNT in yaml.safe_dump_all(self.documents):
            raise ReleaseError(f"parameters.env is still the example: account {EXAMPLE_ACCOUNT}")
        context = self.kubectl.run("config", "current-context").strip()
        if wanted := self._parameter("cluster"):
            why = contexts.refusal_of_another(context, wanted=wanted)
        else:
            options = ("nodes", "--output=jsonpath={.items[*].spec.providerID}")
            ids = self.kubectl.run("get", *options).split()
            why = contexts.refusal_of_a_real_one(
                context, provider_ids=ids, confirmed=self.confirmed
            )
        if why:
            raise ReleaseError(why)

    def _parameter(self, name: str) -> str | None:
        for document in self._of_kind("ConfigMap"):
            if document["metadata"]["name"].startswith("bukken-"):
                value: str | None = document["data"].get(name)
                return value
        return None

    def _ask_the_server(self) -> None:
        """Of a failed Job it is not asked: that is deleted before it is applied."""
        self.say("asking the server whether it would take all of it")
        failed = self._jobs.failed()
        asked = [each for each in self.documents if each["metadata"]["name"] not in failed]
        try:
            self.kubectl.apply(asked, "--dry-run=server")
        except KubectlError as error:
            if 'Job.batch "bootstrap-' in str(error) and "immutable" in str(error):
                lines = "bootstrap-release and bootstrap-image of parameters.env"
                raise ReleaseError(f"{error}\nThe bootstrap has changed: change {lines}") from error
            raise

    def _migrate(self) -> None:
        known: dict[str, str] = {}
        if self.kubectl.get("namespace", NAMESPACE):
            known = self._jobs.warnings()
            for name in sorted(self._jobs.failed()):
                self.say(f"deleting Job {name}, which has failed: it is tried anew")
                self.kubectl.run("delete", "job", name, f"--namespace={NAMESPACE}")
        self.say("applying all but what serves; migrating")
        self.kubectl.apply(document for document in self.documents if not _serves(document))
        self.say(f"waiting for {', '.join(self._jobs.documents)}")
        self._jobs.wait(known=known)

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

    def _go_back(self, pods: Mapping[str, Pods]) -> None:
        """A side that is there already is left alone by kubectl itself."""
        for name, each in pods.items():
            self.kubectl.undo(name, f"--to-revision={each.revision}")

    def _undone(self, before: Mapping[str, Pods]) -> str:
        """Back to the Pods of before; says what serves now.

        The Pods' template names ConfigMaps by a hash, and those of before are still there: so their
        files and parameters come back with them.
        """
        if not before:
            return "It was the first release: there is nothing to go back to. It stays as it is."
        try:
            self._go_back(before)
            for name in before:
                self.kubectl.wait_for_rollout(name, seconds=ROLLOUT_SECONDS)
        except KubectlError as error:
            serves = self._history.what_serves()
            return f"And it could not be undone: {error}\nWhat serves: {serves}"
        return f"Undone: the Pods of before serve, on the new schema, which they can. {STAYS}"

    def _of_kind(self, kind: str) -> list[Document]:
        return [document for document in self.documents if document["kind"] == kind]


def _serves(document: Document) -> bool:
    return document["kind"] == "Deployment" and document["metadata"]["name"] in SERVING


def _component(document: Document) -> str | None:
    name: str | None = document["metadata"].get("labels", {}).get("app.kubernetes.io/name")
    return name
