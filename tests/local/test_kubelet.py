import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bukken_local.container import BackOff
from bukken_local.envoys import Home
from bukken_local.kubelet import Pod, Services
from bukken_local.manifests import read_deployment
from bukken_local.processes import until
from bukken_local.sandbox import Sandbox

PROGRAM = '''
"""Serves what files say, and writes down what happens to it."""
import http.server, os, pathlib, signal, sys, time

name, address, port = sys.argv[1:]
here = pathlib.Path(os.environ["HERE"])

def note(what):
    with (here / "journal").open("a") as journal:
        journal.write(f"{name} {what}\\n")

def leave(*_):
    note("TERM")
    if (here / f"{name}-ignores-TERM").exists():
        return
    sys.exit(0)

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        good = (here / f"{name}{self.path.replace('/', '-')}").exists()
        self.send_response(200 if good else 503)
        self.end_headers()
    def log_message(self, *_):
        pass

signal.signal(signal.SIGTERM, leave)
note("start")
print(f"{name} speaks", flush=True)
http.server.HTTPServer((address, int(port)), Answer).serve_forever()
'''

HOOK = """
import os, pathlib, sys, time
with (pathlib.Path(os.environ["HERE"]) / "journal").open("a") as journal:
    journal.write("hook\\n")
time.sleep(float(sys.argv[1]))
"""

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: thing}}
spec:
  template:
    spec:
      terminationGracePeriodSeconds: 3
      initContainers:
      - name: sidecar
        image: x
        restartPolicy: Always
        command: [python, "{here}/program.py", sidecar, "{address}", "8080"]
        env: [{{name: HERE, value: "{here}"}}]
        startupProbe:
          httpGet: {{path: /started, port: 8080}}
          periodSeconds: 1
          failureThreshold: 60
      containers:
      - name: app
        image: x
        command: [python, "{here}/program.py", app, "{app_address}", "8000"]
        env: [{{name: HERE, value: "{here}"}}]
        readinessProbe:
          httpGet: {{path: /ready, port: 8000}}
          periodSeconds: 1
          failureThreshold: 1
        livenessProbe:
          httpGet: {{path: /live, port: 8000}}
          periodSeconds: 1
          failureThreshold: 2
          terminationGracePeriodSeconds: 1
        lifecycle:
          preStop: {{exec: {{command: [python, "{here}/hook.py", "{hook_seconds}"]}}}}
"""

Story = Callable[["Stage"], Awaitable[None]]


@dataclass
class Stage:
    """A Pod of two small programs, and what they and the kubelet said."""

    pod: Pod
    here: Path
    said: list[str]

    def good(self, *answers: str) -> None:
        """From now on these answer 200: `app-ready` is /ready of the app."""
        for answer in answers:
            (self.here / answer).touch()

    def bad(self, *answers: str) -> None:
        """From now on these answer 503."""
        for answer in answers:
            (self.here / answer).unlink(missing_ok=True)

    def kill_app(self) -> None:
        """Ends the app as a lack of memory would."""
        pid = self.pod.containers["app"].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    @property
    def journal(self) -> list[str]:
        """What happened to the programs, in order."""
        file = self.here / "journal"
        return file.read_text().splitlines() if file.exists() else []

    async def until_noted(self, line: str, *, times: int = 1) -> None:
        """Waits for a line of the journal."""
        await until(
            lambda: self.journal.count(line) >= times, seconds=30, what=f"{line} {times} times"
        )

    async def until_ready(self) -> None:
        """Lets everything answer well, and waits until the kubelet has seen it."""
        self.good("sidecar-started", "app-ready", "app-live")
        await self.pod.start(seconds=10)
        await until(lambda: self.pod.ready, seconds=30, what="the Pod is ready")


def play(
    story: Story,
    *,
    here: Path,
    hook_seconds: float = 0,
    app_on: str | None = None,
    first_wait: float = 0.2,
) -> Stage:
    """Makes a Pod of the manifest above, lets the story have its way with it, and clears up."""
    home = Home(address="127.0.77.11", loopback="127.0.77.111")
    (here / "program.py").write_text(PROGRAM)
    (here / "hook.py").write_text(HOOK)
    text = MANIFEST.format(
        here=here,
        address=home.address,
        app_address=app_on or home.address,
        hook_seconds=hook_seconds,
    )
    spec = read_deployment(text, source=Path("thing.yaml")).pod

    async def run() -> Stage:
        said: list[str] = []
        sandbox = Sandbox(
            pod="thing-1",
            home=home,
            directory=here / "pod",
            logs=here / "logs",
            state_file=here / "children",
            spec=spec,
        )
        pod = Pod(sandbox, say=said.append, back_off=lambda: BackOff(first_seconds=first_wait))
        stage = Stage(pod=pod, here=here, said=said)
        try:
            await story(stage)
        finally:
            await pod.stop(grace_seconds=0, hooks=False)
        return stage

    return asyncio.run(run())


def test_the_app_starts_when_its_sidecar_has(tmp_path: Path) -> None:
    """A container waits for the sidecar's startup probe, so its egress is in place."""

    async def story(stage: Stage) -> None:
        starting = asyncio.create_task(stage.pod.start(seconds=10))
        await stage.until_noted("sidecar start")
        stage.said.extend(stage.journal)
        stage.good("sidecar-started")
        await starting
        await stage.until_noted("app start")

    stage = play(story, here=tmp_path)

    assert stage.said == ["sidecar start"]
    assert stage.journal[:2] == ["sidecar start", "app start"]


def test_a_sidecar_that_never_starts_is_told(tmp_path: Path) -> None:
    """The wait for a sidecar ends with a sentence that names it."""

    async def story(stage: Stage) -> None:
        await stage.pod.start(seconds=0.5)

    with pytest.raises(TimeoutError, match="thing-1/sidecar has started"):
        play(story, here=tmp_path)


def test_the_sidecar_is_stopped_last(tmp_path: Path) -> None:
    """Hook, TERM to the app, and only when it is gone TERM to the sidecar."""

    async def story(stage: Stage) -> None:
        await stage.until_ready()
        await stage.pod.stop()

    stage = play(story, here=tmp_path)

    assert stage.journal[2:] == ["hook", "app TERM", "sidecar TERM"]
    assert not stage.pod.exists


def test_the_hook_counts_against_the_grace(tmp_path: Path) -> None:
    """A hook longer than the grace is cut off at its end; the app then has the least grace."""

    async def story(stage: Stage) -> None:
        await stage.until_ready()
        began = asyncio.get_running_loop().time()
        await stage.pod.stop()
        assert 3 <= asyncio.get_running_loop().time() - began < 5

    stage = play(story, here=tmp_path, hook_seconds=60)

    assert stage.journal[2:] == ["hook", "app TERM", "sidecar TERM"]
    assert stage.said[-1] == "thing-1/app: preStop did not end within the grace"


def test_who_ignores_term_is_killed_when_the_grace_is_over(tmp_path: Path) -> None:
    """A program that does not end is killed, and the sidecar still has its turn."""

    async def story(stage: Stage) -> None:
        await stage.until_ready()
        stage.good("app-ignores-TERM")
        await stage.pod.stop(grace_seconds=1)

    stage = play(story, here=tmp_path)

    assert stage.journal[-2:] == ["app TERM", "sidecar TERM"]
    assert not stage.pod.exists


def test_a_liveness_kill_runs_the_hook_under_the_probes_own_grace(tmp_path: Path) -> None:
    """A hung app's hook runs too, but not for longer than the probe allows."""

    async def story(stage: Stage) -> None:
        await stage.until_ready()
        began = asyncio.get_running_loop().time()
        stage.bad("app-live")
        await stage.until_noted("app TERM")
        assert asyncio.get_running_loop().time() - began < 2 + 1 + 1

    stage = play(story, here=tmp_path, hook_seconds=60)

    assert stage.journal[2:4] == ["hook", "app TERM"]
    assert "thing-1/app failed its liveness probe; stopping it" in stage.said


def test_a_killed_app_is_started_again_and_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    """A container that ends is told, with why and its last lines, and started again at once."""

    async def story(stage: Stage) -> None:
        await stage.until_ready()
        stage.kill_app()
        await stage.until_noted("app start", times=2)

    stage = play(story, here=tmp_path)

    assert stage.said == [
        "thing-1/app killed by SIGKILL; starting it again now\napp speaks\n",
    ]


def test_a_pod_that_ends_again_waits(tmp_path: Path) -> None:
    """From the second end on, a start waits for the back-off."""

    async def story(stage: Stage) -> None:
        await stage.until_ready()
        for times in (2, 3):
            stage.kill_app()
            await stage.until_noted("app start", times=times)

    stage = play(story, here=tmp_path)

    assert [said.splitlines()[0] for said in stage.said] == [
        "thing-1/app killed by SIGKILL; starting it again now",
        "thing-1/app killed by SIGKILL; starting it again in 0.2 s",
    ]


def test_the_back_off_doubles_up_to_its_limit_and_forgets() -> None:
    """The kubelet waits 0, 10, 20 … 300 s, and begins anew after a run of ten minutes."""
    back_off = BackOff()

    assert [back_off.after(1) for _ in range(8)] == [0, 10, 20, 40, 80, 160, 300, 300]
    assert back_off.after(601) == 0


def test_a_pod_that_is_not_ready_leaves_its_service(tmp_path: Path) -> None:
    """The plain Service lists ready Pods; the mesh's lists all, and Envoy judges for itself."""
    plain, mesh = (f"thing{kind}.bukken.svc.cluster.local." for kind in ("", "-mesh"))

    async def story(stage: Stage) -> None:
        services = Services()
        services.add("thing", pods=[stage.pod])
        assert services.lookup(mesh) == []
        await stage.until_ready()
        assert services.lookup(plain) == services.lookup(mesh) == ["127.0.77.11"]
        stage.bad("app-ready")
        await until(lambda: not services.lookup(plain), seconds=30, what="the Pod left")
        assert services.lookup(mesh) == ["127.0.77.11"]

    play(story, here=tmp_path)


def test_a_pod_leaves_its_service_before_anybody_is_signalled(tmp_path: Path) -> None:
    """A Pod told to stop is out of its Service at once, and in the mesh's until it is gone."""

    async def story(stage: Stage) -> None:
        services = Services()
        services.add("thing", pods=[stage.pod])
        await stage.until_ready()
        stopping = asyncio.create_task(stage.pod.stop())
        await stage.until_noted("hook")
        assert services.lookup("thing.bukken.svc.cluster.local.") == []
        assert services.lookup("thing-mesh.bukken.svc.cluster.local.") == ["127.0.77.11"]
        await stopping
        assert services.lookup("thing-mesh.bukken.svc.cluster.local.") == []

    play(story, here=tmp_path, hook_seconds=0.3)


def test_the_kubelet_cannot_reach_what_listens_on_the_pods_loopback(tmp_path: Path) -> None:
    """An httpGet probe of a port that is open on 127.0.0.1 alone fails here as on Kubernetes."""

    async def story(stage: Stage) -> None:
        stage.good("sidecar-started", "app-ready", "app-live")
        await stage.pod.start(seconds=10)
        await until(lambda: bool(stage.said), seconds=30, what="the probe fails")

    stage = play(story, here=tmp_path, app_on="127.0.77.111")

    assert stage.said[0] == "thing-1/app failed its liveness probe; stopping it"


def test_a_service_that_nobody_made_is_unknown() -> None:
    """Names of another Service, or of another namespace, do not exist."""
    services = Services()
    services.add("thing", pods=[])

    assert services.lookup("other.bukken.svc.cluster.local.") is None
    assert services.lookup("thing.default.svc.cluster.local.") is None
