"""Makes the Pods of this place: those of `k8s/base`, and the stand-ins for what AWS gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bukken_local import binaries, envoys
from bukken_local.container import Say
from bukken_local.envoys import Home
from bukken_local.kubelet import Pod
from bukken_local.manifests import (
    ConfigMapVolume,
    Container,
    PodSpec,
    Volume,
    VolumeMount,
    read_deployment,
)
from bukken_local.network import DATABASE_PORT, ISSUER_PORT, Network
from bukken_local.sandbox import Files, Sandbox
from bukken_local.state import State

DEPLOYMENTS: Mapping[str, str] = {
    "command-api": "bukken_writer",
    "query-api": "bukken_reader",
}
"""Each with the database role whose password is its Secret."""

PODS_EACH = 2


@dataclass(frozen=True, kw_only=True)
class Yard:
    """Where Pods are made."""

    state: State
    network: Network
    say: Say

    def deployment(self, name: str) -> list[Pod]:
        """The Pods of a Deployment of `k8s/base`."""
        source = binaries.checkout() / "k8s" / "base" / f"{name}.yaml"
        spec = read_deployment(source.read_text(), source=source).pod
        first = list(DEPLOYMENTS).index(name) * PODS_EACH
        return [
            self._pod(
                f"{name}-{number + 1}",
                spec=spec,
                home=self.network.pod(first + number),
                config_maps=self._config_maps(name),
                secrets={f"{name}-database": {"password": self._password(DEPLOYMENTS[name])}},
            )
            for number in range(PODS_EACH)
        ]

    def issuer(self) -> Pod:
        """The issuer's stand-in, as a Pod of its own."""
        home = self.network.issuer
        files = ("--key-file", self.state.signing_key, "--clients-file", self.state.clients)
        address = ("--host", home.address, "--port", ISSUER_PORT)
        command = ("python", "-m", "bukken_local.issuer", *map(str, (*address, *files)))
        spec = PodSpec(containers=(Container(name="issuer", image="none", command=command),))
        return self._pod("issuer", spec=spec, home=home)

    def alb(self, *, port: int) -> Pod:
        """The ALB's stand-in, as a Pod of its own; the one whose port may be chosen."""
        envoy = Container(
            name="envoy",
            image="envoy",
            args=("-c", "envoy.yaml", "--concurrency", "1", "--log-level", "warning"),
            working_dir="/etc/envoy",
            volume_mounts=(VolumeMount(name="envoy", mount_path="/etc/envoy"),),
        )
        files = Volume(name="envoy", config_map=ConfigMapVolume(name="alb-envoy"))
        return self._pod(
            "alb",
            spec=PodSpec(containers=(envoy,), volumes=(files,)),
            home=self.network.alb,
            config_maps=lambda home: {
                "alb-envoy": {"envoy.yaml": _envoy_file("alb", home=home, port=port)}
            },
        )

    def _pod(
        self,
        name: str,
        *,
        spec: PodSpec,
        home: Home,
        config_maps: Callable[[Home], Files] = lambda _: {},
        secrets: Files | None = None,
    ) -> Pod:
        sandbox = Sandbox(
            pod=name,
            home=home,
            directory=self.state.run / "pods" / name,
            logs=self.state.logs,
            state_file=self.state.children,
            spec=spec,
            config_maps=config_maps(home),
            secrets=secrets or {},
            envoy_arguments=envoys.resolver(host=self.network.dns.host, port=self.network.dns.port),
        )
        return Pod(sandbox, say=self.say)

    def _config_maps(self, name: str) -> Callable[[Home], Files]:
        return lambda home: {
            "bukken": {
                "database-writer-host": self.network.writer.host,
                "database-reader-host": self.network.reader.host,
                "database-port": str(DATABASE_PORT),
                "database-name": "bukken",
                "database-tls": "disable",  # the two ends are one machine
            },
            f"{name}-envoy": {"envoy.yaml": _envoy_file(name, home=home)},
            "envoy-place": self._place(),
        }

    def _place(self) -> Mapping[str, str]:
        place = Path(binaries.checkout()) / "local" / "place"
        clusters = (place / "clusters.yaml").read_text()
        return {
            "jwt.yaml": (place / "jwt.yaml").read_text(),
            "clusters.yaml": envoys.with_endpoint(
                clusters, cluster="issuer", host=self.network.issuer.address, port=ISSUER_PORT
            ),
        }

    def _password(self, role: str) -> str:
        return self.state.secret(role).read_text()


def _envoy_file(name: str, *, home: Home, port: int | None = None) -> str:
    text = (binaries.checkout() / "envoy" / f"{name}.yaml").read_text()
    return envoys.rehomed(text, home=home, port=port)
