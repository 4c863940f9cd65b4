"""The Jobs of a release: watched until they are done, and told what keeps them from it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from k8s.release.errors import ReleaseError
from k8s.release.kubectl import NAMESPACE, Document, Kubectl, KubectlError

JOB_SECONDS: Final = 900  # k8s/base/schema.yaml: activeDeadlineSeconds


@dataclass(frozen=True)
class Jobs:
    """Those of one release, by name."""

    documents: Mapping[str, Document]
    kubectl: Kubectl

    def failed(self) -> set[str]:
        """Those there already, of an earlier try: such a Job is never run again."""
        return {name for name in self.documents if "Failed" in _true(self._there(name))}

    def warnings(self) -> dict[str, str]:
        """What the cluster warns of, by the event's uid: a missing secret, no room."""
        return {
            event["metadata"]["uid"]: f"{event['reason']}: {event['message']}"
            for event in self.kubectl.all("events", "--field-selector=type=Warning")
            if f"{event['involvedObject']['name']}-".startswith(
                tuple(map("{}-".format, self.documents))
            )
        }

    def wait(self, *, known: Mapping[str, str]) -> None:
        """Until all are complete; says each new warning once.

        Args:
            known: warnings of before: an earlier try's Pods leave theirs for an hour.

        Raises:
            ReleaseError: one failed, or there was no time left; with its log and the warnings.
        """
        told = dict(known)
        deadline = time.monotonic() + JOB_SECONDS
        waiting = list(self.documents)
        while waiting := [name for name in waiting if not self._done(name, known=known)]:
            for uid, text in self.warnings().items():
                if uid not in told:
                    self.kubectl.say(f"  {text}")
                    told[uid] = text
            if time.monotonic() > deadline:
                raise self._failure(waiting[0], known=known)
            time.sleep(1)

    def _done(self, name: str, *, known: Mapping[str, str]) -> bool:
        if (found := self._there(name)) is None:
            # Swept away, when its time to live was over as it was applied. Doing it again is safe.
            self.kubectl.say(f"Job {name} is gone; starting it again")
            self.kubectl.apply([self.documents[name]])
        if "Failed" in (true := _true(found)):
            raise self._failure(name, known=known)
        return "Complete" in true

    def _failure(self, name: str, *, known: Mapping[str, str]) -> ReleaseError:
        new = [text for uid, text in self.warnings().items() if uid not in known]
        end = "\n".join([self._log(name), *new])
        return ReleaseError(f"Job {name} failed; nothing new serves. Its end:\n{end}")

    def _log(self, name: str) -> str:
        try:
            return self.kubectl.run("logs", f"job/{name}", f"--namespace={NAMESPACE}", "--tail=20")
        except KubectlError as error:  # its Pod may never have started
            return str(error)

    def _there(self, name: str) -> Document | None:
        return self.kubectl.get("job", name)


def _true(job: Document | None) -> set[str]:
    conditions = (job or {}).get("status", {}).get("conditions", ())
    return {each["type"] for each in conditions if each["status"] == "True"}
