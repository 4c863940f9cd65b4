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
from deployment.rendered import KUBECTL, ROOT

from k8s.release import smoke

# Answers as told by answers.json (the words of a call → exit status and output), and revisions that
# each apply of a Deployment raises.
STAND_IN = """\
#!{python}
import json, os, pathlib, subprocess, sys
home = pathlib.Path({home!r})
words = sys.argv[1:]
if words[0] == "kustomize":
    os.execv({kubectl!r}, ["kubectl", *words])
sent = sys.stdin.read() if "--filename=-" in words else ""
call = " ".join(w for w in words if not w.startswith("--")
                or w.startswith(("--dry", "--to-rev")))
if sent:
    call += " with Deployments" if "\\nkind: Deployment\\n" in sent else " without Deployments"
with (home / "calls").open("a") as diary:
    diary.write(call + "\\n")
state = json.loads((home / "answers.json").read_text())
if call == "apply with Deployments":
    state["revision"] += 1
    (home / "answers.json").write_text(json.dumps(state))
for start, (status, said) in state["answers"].items():
    if call.startswith(start):
        print(said, file=sys.stderr if status else sys.stdout)
        sys.exit(status)
if call.startswith("get deployment"):
    if state["revision"]:
        revision = 'deployment.kubernetes.io/revision: "%d"' % state["revision"]
        print("metadata: {{annotations: {{" + revision + "}}}}")
elif call.startswith("get job"):
    print('status: {{conditions: [{{type: Complete, status: "True"}}]}}')
elif call.startswith("get namespace"):
    print("kind: Namespace")
elif call.startswith("config"):
    print("arn:aws:eks:ap-northeast-1:222233334444:cluster/bukken-staging")
"""


class Cluster:
    """What the stand-in knows, and what it was asked."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.answer({})

    def answer(self, answers: dict[str, tuple[int, str]], *, revision: int = 7) -> None:
        """Sets what calls that begin so are answered with."""
        told = {"answers": answers, "revision": revision}
        (self._home / "answers.json").write_text(json.dumps(told))

    @property
    def calls(self) -> list[str]:
        """What was asked that changes something, or waits for it."""
        diary = (self._home / "calls").read_text().splitlines()
        return [call for call in diary if not call.startswith(("get", "config", "logs"))]


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


@pytest.fixture
def platform() -> Iterator[Platform]:
    """Something that answers as the platform does."""
    made = Platform()
    Thread(target=made.server.serve_forever).start()
    yield made
    made.server.shutdown()
    made.server.server_close()
