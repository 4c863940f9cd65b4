"""A kubectl that keeps a diary, and a platform that can be broken, for tests of the release."""

import json
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from deployment.rendered import COMPONENTS, KUBECTL, ROOT, SIDES

from k8s.release import smoke

# Answers as told by state.json (the words of a call → exit status and output). An apply of
# Deployments makes a ReplicaSet of those sides that it changes; an undo gives an old one a new
# number, as Kubernetes does. A call that is answered with a failure has not been done. It says
# JSON, which is YAML, since a program that is started so often should not import more.
STAND_IN = """\
#!{python}
import json, os, pathlib, sys
home = pathlib.Path({home!r})
words = sys.argv[1:]
if words[0] == "kustomize":
    os.execv({kubectl!r}, ["kubectl", *words])
sent = sys.stdin.read() if "--filename=-" in words else ""
call = " ".join(w for w in words if not w.startswith("--")
                or w.startswith(("--dry", "--to-rev")))
if "name: releases" in sent:
    call += " the record"
elif sent:
    call += " with Deployments" if "\\nkind: Deployment\\n" in sent else " without Deployments"
with (home / "calls").open("a") as diary:
    diary.write(call + "\\n")
state = json.loads((home / "state.json").read_text())
for start, (status, said) in state["answers"].items():
    if call.startswith(start):
        print(said, file=sys.stderr if status else sys.stdout)
        sys.exit(status)
items = None
if call == "apply with Deployments":
    for side in state["changes"]:
        sets = state["sets"].setdefault(side, {{}})
        sets[f"{{side}}-{{state['release']}}"] = max(sets.values(), default=0) + 1
    state["release"] += 1
elif call == "apply the record":
    state["record"] = sent
elif call.startswith("rollout undo"):
    sets = state["sets"][words[2].removeprefix("deployment/")]
    wanted = int(call.rpartition("=")[2])
    newest = max(sets.values())
    for name in [each for each, revision in sets.items() if revision == wanted < newest]:
        sets[name] = newest + 1
elif call == "get replicasets":
    items = [
        {{"metadata": {{"name": name, "ownerReferences": [{{"name": side}}],
                       "annotations": {{"deployment.kubernetes.io/revision": str(revision)}}}},
          "status": {{"readyReplicas": 2}}}}
        for side, sets in state["sets"].items() for name, revision in sets.items()
    ]
elif call == "get events":
    items = state["events"]
elif call == "get configmap releases" and state["record"]:
    print(state["record"])
elif call.startswith("get job") and not state["jobs"].get(words[2], "Complete") == "Gone":
    true = {{"type": state["jobs"].get(words[2], "Complete"), "status": "True"}}
    print(json.dumps({{"status": {{"conditions": [true]}}}}))
elif call.startswith("delete job"):
    del state["jobs"][words[2]]
elif call.startswith("get namespace"):
    print("kind: Namespace")
elif call.startswith("config"):
    print("arn:aws:eks:ap-northeast-1:222233334444:cluster/bukken-staging")
elif call.startswith("version"):
    print("kustomizeVersion: v5.8.1")
if items is not None:
    print(json.dumps({{"items": items}}))
if call == "apply without Deployments":
    state["jobs"] = {{name: how for name, how in state["jobs"].items() if how != "Gone"}}
    state["jobs"] |= state.pop("coming_jobs", {{}})
    state["events"] += state.pop("coming_events", [])
(home / "state.json").write_text(json.dumps(state))
"""


def record(*releases: tuple[int, int]) -> str:
    """What the cluster remembers of these releases, by the sides' numbers; relays as the first."""
    lines = [
        {
            "release": f"r{max(numbers)}",
            "sets": {
                side: f"{side}-{n}"
                for side, n in zip(COMPONENTS, (*numbers, numbers[0]), strict=True)
            },
        }
        for numbers in releases
    ]
    return json.dumps({"data": {"served": json.dumps(lines)}})


@pytest.fixture
def two_releases() -> dict[str, Any]:
    """A cluster's state after two of them."""
    sets = {side: {f"{side}-6": 6, f"{side}-7": 7} for side in COMPONENTS}
    return {"sets": sets, "record": record((6, 6), (7, 7))}


class Cluster:
    """What the stand-in knows, and what it was asked."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._state = home / "state.json"
        (home / "calls").touch()
        self.answer({})

    def answer(self, answers: dict[str, tuple[int, str]], **state: Any) -> None:  # noqa: ANN401 — JSON
        """Sets what calls that begin so are answered with, and what else is to be so."""
        usual = {
            "sets": {side: {f"{side}-7": 7} for side in COMPONENTS},
            "record": record((7, 7)),
            "release": 8,
            "changes": COMPONENTS,
            "events": [],
            "jobs": {},
        }
        self._state.write_text(json.dumps(usual | state | {"answers": answers}))

    @property
    def state(self) -> dict[str, Any]:
        """What is so now."""
        found: dict[str, Any] = json.loads(self._state.read_text())
        return found

    def serves(self) -> list[str]:
        """Each side's newest ReplicaSet."""
        sets = self.state["sets"]
        return [max(sets[side], key=sets[side].__getitem__) for side in SIDES]

    @property
    def calls(self) -> list[str]:
        """What was asked that changes something, or waits for it."""
        diary = (self._home / "calls").read_text().splitlines()
        return [call for call in diary if not call.startswith(("get", "config", "logs", "version"))]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A kubectl that keeps a diary is the one on the PATH, and staging is no example any more."""
    program = tmp_path / "bin/kubectl"
    program.parent.mkdir()
    program.write_text(
        STAND_IN.format(python=sys.executable, home=str(tmp_path), kubectl=str(KUBECTL))
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.delenv("BUKKEN_TOKEN", raising=False)
    monkeypatch.setattr("k8s.release.__main__.K8S", _of_a_real_account(tmp_path))
    monkeypatch.setattr(smoke, "WAIT_SECONDS", 0)
    return Cluster(tmp_path)


def _of_a_real_account(tmp_path: Path) -> Path:
    for folder in ("k8s", "envoy", "local/place", "compose"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*.py"))
    parameters = tmp_path / "k8s/staging/parameters.env"
    parameters.write_text(parameters.read_text().replace("111122223333", "222233334444"))
    return tmp_path / "k8s"


class _Answers(BaseHTTPRequestHandler):
    """Refuses strangers as Envoy does, or is broken."""

    status = 401  # one for all: a test has one platform

    def do_GET(self) -> None:
        """Both methods: the name is the library's own."""
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b'{"type": "about:blank", "title": "Unauthorized"}')

    do_PUT = do_GET  # noqa: N815 — as above

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 — the library's own
        """Nothing: pytest shows what is asserted."""


class Platform:
    """What the release asks in the end."""

    def __init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
        _Answers.status = 401

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server.server_port}"

    def broken(self) -> None:
        """From now on it answers everybody 500."""
        _Answers.status = 500

    def well(self) -> None:
        """It is mended."""
        _Answers.status = 401


@pytest.fixture
def platform() -> Iterator[Platform]:
    """Something that answers as the platform does."""
    made = Platform()
    Thread(target=made.server.serve_forever).start()
    yield made
    made.server.shutdown()
    made.server.server_close()
