"""A Pod of two small programs, whose answers and deeds a test commands."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from bukken_local.kubernetes.container import BackOff
from bukken_local.kubernetes.envoy_files import Home
from bukken_local.kubernetes.kubelet import Pod
from bukken_local.kubernetes.manifests import read_deployment
from bukken_local.kubernetes.sandbox import Sandbox
from bukken_local.processes.waiting import until

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
    app_on_loopback: bool = False,
    first_wait: float = 0.2,
) -> Stage:
    """Makes a Pod of the manifest above, lets the story have its way with it, and clears up."""
    home = own_home(11)
    (here / "program.py").write_text(PROGRAM)
    (here / "hook.py").write_text(HOOK)
    text = MANIFEST.format(
        here=here,
        address=home.address,
        app_address=home.loopback if app_on_loopback else home.address,
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


def own_home(host: int) -> Home:
    """Addresses that no other process of the tests has: they run side by side."""
    pid = os.getpid()
    network = f"127.{200 + pid % 50}.{pid // 50 % 256}"
    return Home(address=f"{network}.{host}", loopback=f"{network}.{100 + host}")
