"""What runs on this machine, where, and whether it still does."""

import asyncio
import os
from dataclasses import dataclass
from typing import Any, NoReturn

from bukken_local.database.cluster import Cluster
from bukken_local.database.endpoint import Endpoint
from bukken_local.issuer.signing import ISSUER
from bukken_local.kubernetes.container import TAIL_LINES
from bukken_local.kubernetes.control_plane import ControlPlane
from bukken_local.kubernetes.kubelet import Pod
from bukken_local.kubernetes.sandbox import ADMIN_PORT
from bukken_local.network import BACK_END_CONTROL_PORT, ISSUER_PORT, Network
from bukken_local.pods import DEPLOYMENTS, Pods
from bukken_local.state import State
from bukken_local.terminal import Terminal

LOOK_SECONDS = 0.5


@dataclass(kw_only=True)
class Platform:
    """What runs, and where."""

    state: State
    network: Network
    port: int
    terminal: Terminal
    cluster: Cluster
    control_plane: ControlPlane
    made: Pods
    stand_ins: list[Pod]
    writer: Endpoint
    reader: Endpoint

    @property
    def url(self) -> str:
        """The one way in."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def token_url(self) -> str:
        """Where clients get their tokens."""
        return f"{self._issuer_url}/oauth2/token"

    @property
    def jwks_url(self) -> str:
        """Where Envoy gets the keys that tokens are checked with."""
        return f"{self._issuer_url}/.well-known/jwks.json"

    @property
    def back_end_control_url(self) -> str:
        """Where the back end's stand-in is told how to behave."""
        return f"http://{self.network.back_end.address}:{BACK_END_CONTROL_PORT}"

    @property
    def _issuer_url(self) -> str:
        return f"http://{self.network.issuer.address}:{ISSUER_PORT}"

    def description(self) -> dict[str, Any]:
        """Everything's address, for the demo, the tests and whoever looks."""
        return {
            "pid": os.getpid(),
            "url": self.url,
            "token_url": self.token_url,
            "jwks_url": self.jwks_url,
            "issuer": ISSUER,
            "clients_file": str(self.state.clients),
            "signing_key_file": str(self.state.signing_key),
            "dns": self.network.dns,
            "back_end": {
                "control_url": self.back_end_control_url,
                "ledger": str(self.state.ledger),
            },
            "database": self._database(),
            "pods": [
                _pod(pod, deployment=name)
                for name, deployment in self.control_plane.deployments.items()
                for pod in deployment.pods
            ],
            "stand_ins": [_pod(pod, deployment=None) for pod in self.stand_ins],
            "logs": str(self.state.logs),
        }

    def _database(self) -> dict[str, Any]:
        roles = {*DEPLOYMENTS.values(), "bukken_migrator", "bukken_master"}
        return {
            "name": "bukken",
            "writer": self.network.writer,
            "reader": self.network.reader,
            "primary": self.cluster.primary,
            "standby": self.cluster.standby,
            "password_files": {role: str(self.state.secret(role)) for role in sorted(roles)},
            "processes": {name: child.pid for name, child in self.cluster.children.items()},
        }

    async def watch(self) -> NoReturn:
        """Keeps the description true and the database up, for ever.

        Raises:
            PostgresDidNotStartError: a server that ended could not be started again.
        """
        last: dict[str, Any] = {}
        while True:
            self.control_plane.check()
            ended = [child for child in self.cluster.children.values() if not child.running]
            for child in ended:
                how = f"{child.exit_reason}; starting it again\n{child.tail(TAIL_LINES)}"
                self.terminal.say(f"the database's {child.name} {how}")
            if ended:
                await self.cluster.start()
            if (now := self.description()) != last:
                self.state.describe(now)
                last = now
            await asyncio.sleep(LOOK_SECONDS)


def _pod(pod: Pod, *, deployment: str | None) -> dict[str, Any]:
    home = pod.home
    return {
        "name": pod.name,
        "deployment": deployment,
        "ready": pod.ready,
        "terminating": pod.terminating,
        "address": home.address,
        "loopback": home.loopback,
        "ingress_url": f"http://{home.address}:8080",
        "metrics_url": f"http://{home.address}:9902",
        "admin_url": f"http://{home.loopback}:{ADMIN_PORT}",
        "containers": {
            name: {"pid": container.pid, "restarts": container.restarts, "ready": container.ready}
            for name, container in pod.containers.items()
        },
    }
