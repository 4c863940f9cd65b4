"""The platform in containers, for tests: a Compose project of its own beside a developer's."""

import json
import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from free_ports import free_port
from running_platform import Platform

ROOT = Path(__file__).parents[1]
START_SECONDS = 300  # from nothing: images are built, on a busy machine
COMMAND_SECONDS = 90


@cache
def engine_missing() -> str | None:
    """Why nothing can be run in containers here, or None."""
    if not shutil.which("docker"):
        return "there is no docker on this machine"
    asked = _docker("compose", "ls", seconds=COMMAND_SECONDS)
    return f"no engine answers: {asked.stderr.strip()}" if asked.returncode else None


def docker(*arguments: str, seconds: float = COMMAND_SECONDS) -> str:
    """Runs a docker command to its end; what it printed."""
    done = _docker(*arguments, seconds=seconds)
    assert done.returncode == 0, f"docker {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
    return done.stdout


def _docker(*arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
    program = shutil.which("docker") or "docker"
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=False, timeout=seconds
    )


class Compose(Platform):
    """docker-compose.yml under another project name and port."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.project = f"bukken-test-{uuid.uuid4().hex[:8]}"
        self._port = free_port()

    @property
    def url(self) -> str:
        """The load balancer's; from outside it is the only address there is."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def description(self) -> dict[str, Any]:
        """As the runner describes itself; the issuer by its container's address."""
        secrets = self.state / "secrets"
        return {
            "url": self.url,
            "token_url": f"http://{self._address_of('issuer')}:8089/oauth2/token",
            "clients_file": str(self.state / "clients.json"),
            "signing_key_file": str(self.state / "issuer.pem"),
            "database": {
                "password_files": {
                    file.parent.name: str(file) for file in secrets.rglob("password")
                }
            },
        }

    @property
    def said(self) -> str:
        """Which containers there are, and the end of what they wrote."""
        return self.run("ps", "--all") + self.run("logs", "--tail", "20")

    def logs(self) -> Mapping[str, str]:
        """Each container's output."""
        names = self.run("ps", "--all", "--services").split()
        return {name: self.run("logs", "--no-log-prefix", name) for name in names}

    def run(self, *arguments: str, seconds: float = COMMAND_SECONDS) -> str:
        """Runs `docker compose` on this project; what it printed."""
        settings = self.state / "env"  # not our own environment: other tests read that
        settings.write_text(f"BUKKEN_PORT={self._port}\n")
        file = str(ROOT / "docker-compose.yml")
        this = ("--file", file, "--env-file", str(settings), "--project-name", self.project)
        return docker("compose", *this, *arguments, seconds=seconds)

    def up(self) -> None:
        """Starts what does not run, and waits for it. Without the sample: tests make their own."""
        self.run("up", "--wait", "--build", "--scale", "legacy=0", seconds=START_SECONDS)
        docker("cp", f"{self.project}-issuer-1:/data/keys/issuer.pem", str(self.state))
        docker("cp", f"{self.project}-issuer-1:/data/clients/clients.json", str(self.state))
        docker("cp", f"{self.project}-bootstrap-1:/run/secrets", str(self.state))

    def down(self) -> None:
        """Removes all of it, its data too; `down` must leave nothing."""
        self.run("down", "--volumes", "--timeout", "3")
        mine = ("--quiet", "--filter", f"label=com.docker.compose.project={self.project}")
        kinds = (("ps", "--all"), ("volume", "ls"), ("network", "ls"))
        assert [docker(*kind, *mine) for kind in kinds] == [""] * len(kinds)

    def kill(self, service: str) -> None:
        """Kills a container's process from outside; `docker kill` would count as told to stop."""
        os.kill(self.inspect(service)["State"]["Pid"], signal.SIGKILL)

    def inspect(self, service: str) -> dict[str, Any]:
        """What the engine knows of a container."""
        found: list[dict[str, Any]] = json.loads(docker("inspect", f"{self.project}-{service}-1"))
        return found[0]

    def healthy(self, service: str) -> bool:
        """Whether a container runs and its check passes."""
        state = self.inspect(service)["State"]
        return bool(state["Running"] and state["Health"]["Status"] == "healthy")

    def _address_of(self, service: str) -> str:
        networks = self.inspect(service)["NetworkSettings"]["Networks"]
        return str(next(iter(networks.values()))["IPAddress"])


@pytest.fixture(scope="session")
def engine() -> None:
    """A Docker engine; tests that need one are skipped where none answers, and say so."""
    if reason := engine_missing():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def composed(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:  # noqa: ARG001 — it skips
    """The platform in containers, one for all tests of the session; nothing is left of it."""
    compose = Compose(tmp_path_factory.mktemp("compose"))
    try:
        compose.up()
        yield compose
    finally:
        compose.down()
