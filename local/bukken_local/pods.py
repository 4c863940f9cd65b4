"""Makes the Pods of this place: those of `k8s/base`, and the stand-ins for what AWS gives."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count, cycle, islice
from pathlib import Path
from typing import TypeVar

from bukken_local.database.endpoint import Address
from bukken_local.issuer.kept import load_clients
from bukken_local.kubernetes import envoy_files
from bukken_local.kubernetes.container import Say
from bukken_local.kubernetes.envoy_files import Home
from bukken_local.kubernetes.kubelet import Pod
from bukken_local.kubernetes.manifests import (
    ConfigMapVolume,
    Container,
    PodSpec,
    Volume,
    VolumeMount,
    read_deployment,
)
from bukken_local.kubernetes.objects import Namespace, read_objects
from bukken_local.kubernetes.replicas import Release
from bukken_local.kubernetes.sandbox import Files, Sandbox
from bukken_local.kubernetes.time_scale import faster_load_balancer, faster_pod
from bukken_local.network import (
    BACK_END_CONTROL_PORT,
    BACK_END_PORT,
    DATABASE_PORT,
    ISSUER_PORT,
    POD_HOMES,
    Network,
    NoNetwork,
)
from bukken_local.processes import binaries
from bukken_local.state import State

DEPLOYMENTS: Mapping[str, str] = {
    "command-api": "bukken_writer",
    "query-api": "bukken_reader",
    "inquiry-relay": "bukken_writer",
}
"""Each with the database role whose password is its Secret."""

SERVING = ("command-api", "query-api")
"""Those that the load balancer sends to. The relay calls; nobody calls it."""

PODS_EACH = 2


Kind = TypeVar("Kind")

Alter = Callable[[str], str]
"""Makes another text of a file's."""


def of_base(kind: type[Kind], *, read: Callable[[Path], str] = Path.read_text) -> Iterator[Kind]:
    """The objects of a kind that stand beside the Deployments in `k8s/base`."""
    for name in DEPLOYMENTS:
        source = _base(name)
        yield from read_objects(kind, read(source), source=source)


@dataclass(frozen=True, kw_only=True)
class Pods:
    """Makes the Pods of one platform."""

    state: State
    network: Network
    say: Say
    time_scale: float = 1
    altered: dict[str, Alter] = field(default_factory=dict)
    """By path from the repository's root, what a drill makes of a file's text when it is read."""
    # An address is used again as late as can be, as the VPC's addresses are.
    _homes: Iterator[int] = field(default_factory=lambda: cycle(range(POD_HOMES)), init=False)
    _living: dict[int, Pod] = field(default_factory=dict, init=False)
    _numbers: defaultdict[str, Iterator[int]] = field(
        default_factory=lambda: defaultdict(lambda: count(1)), init=False
    )

    def release(self, name: str) -> Release:
        """What `k8s/base` and `envoy/` say at this moment of a Deployment, ready to be applied.

        Raises:
            ManifestNotUnderstood: it says what the runner cannot do.
        """
        source = _base(name)
        deployment = read_deployment(self._read(source), source=source)
        spec = deployment.pod
        if self.time_scale != 1:
            spec = faster_pod(spec, factor=self.time_scale)
        make = partial(
            self._member,
            name,
            spec=spec,
            config_maps=self._config_maps(name),
            gated=self._gated(name),
        )
        return Release(deployment.spec, make)

    def objects(self, kind: type[Kind]) -> Iterator[Kind]:
        """The objects of a kind beside the Deployments, as the files say at this moment."""
        return of_base(kind, read=self._read)

    def _member(
        self, deployment: str, *, spec: PodSpec, config_maps: Callable[[Home], Files], gated: bool
    ) -> Pod:
        number = self._free_home()
        pod = self._pod(
            f"{deployment}-{next(self._numbers[deployment])}",
            spec=spec,
            home=self.network.pod(number),
            config_maps=config_maps,
            secrets={
                f"{deployment}-database": {"password": self._password(deployment)},
                f"{deployment}-client": {"password": self._client_secret(deployment)},
                "consistency": {"secrets": self.state.secret("consistency").read_text()},
            },
        )
        pod.gate_open = not gated
        self._living[number] = pod
        return pod

    def _free_home(self) -> int:
        for number in islice(self._homes, POD_HOMES):
            former = self._living.get(number)
            if former is None or (former.terminating and not former.exists):
                return number
        raise NoNetwork(f"all {POD_HOMES} addresses for Pods are taken")

    def issuer(self) -> Pod:
        """The issuer's stand-in, as a Pod of its own."""
        home = self.network.issuer
        files = ("--key-file", self.state.signing_key, "--clients-file", self.state.clients)
        address = ("--host", home.address, "--port", ISSUER_PORT)
        command = ("python", "-m", "bukken_local.issuer", *map(str, (*address, *files)))
        spec = PodSpec(containers=(Container(name="issuer", image="none", command=command),))
        return self._pod("issuer", spec=spec, home=home)

    def back_end(self) -> Pod:
        """The legacy back end's stand-in as one that takes leads, as a Pod of its own."""
        home = self.network.back_end
        ports = ("--port", BACK_END_PORT, "--control-port", BACK_END_CONTROL_PORT)
        arguments = ("--host", home.address, *ports, "--ledger", self.state.ledger)
        command = ("python", "-m", "bukken_local.legacy.back_end", *map(str, arguments))
        spec = PodSpec(containers=(Container(name="back-end", image="none", command=command),))
        return self._pod("back-end", spec=spec, home=home)

    def alb(self, *, port: int) -> Pod:
        """The ALB's stand-in, as a Pod of its own; the one whose port may be chosen."""
        text = self._read(_envoy_file("alb"))
        if self.time_scale != 1:
            text = faster_load_balancer(text, factor=self.time_scale)
        envoy = Container(
            name="envoy",
            image="envoy",
            args=(
                "-c",
                "envoy.yaml",
                "--concurrency",
                "1",
                "--log-level",
                "warning",
                *envoy_files.EXTRA_ARGUMENTS,
            ),
            working_dir="/etc/envoy",
            volume_mounts=(VolumeMount(name="envoy", mount_path="/etc/envoy"),),
        )
        files = Volume(name="envoy", config_map=ConfigMapVolume(name="alb-envoy"))
        return self._pod(
            "alb",
            spec=PodSpec(containers=(envoy,), volumes=(files,)),
            home=self.network.alb,
            config_maps=lambda home: {
                "alb-envoy": {"envoy.yaml": envoy_files.rehomed(text, home=home, port=port)}
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
            envoy_arguments=envoy_files.resolver(**self.network.dns._asdict()),
        )
        return Pod(sandbox, say=self.say)

    def _config_maps(self, name: str) -> Callable[[Home], Files]:
        # Read now, not when a Pod is made: a release keeps its files, undoing it brings them back.
        text, place = self._read(_envoy_file(name)), self._place()
        return lambda home: {
            "bukken": {
                "database-writer-host": self.network.writer.host,
                "database-reader-host": self.network.reader.host,
                "database-port": str(DATABASE_PORT),
                "database-name": "bukken",
                "database-tls": "disable",  # the two ends are one machine
                "inquiry-relay-client-id": "inquiry-relay",
            },
            f"{name}-envoy": {"envoy.yaml": envoy_files.rehomed(text, home=home)},
            "envoy-place": place,
        }

    def _place(self) -> Mapping[str, str]:
        place = binaries.checkout() / "local" / "place"
        clusters, relay, jwt = (
            self._read(place / f"{name}.yaml") for name in ("clusters", "relay", "jwt")
        )
        issuer = Address(self.network.issuer.address, ISSUER_PORT)
        return {
            "jwt.yaml": jwt,
            "clusters.yaml": envoy_files.with_endpoint(clusters, cluster="issuer", at=issuer),
            "relay.yaml": envoy_files.with_endpoint(
                envoy_files.with_endpoint(relay, cluster="token-endpoint", at=issuer),
                cluster="back-end",
                at=Address(self.network.back_end.address, BACK_END_PORT),
            ),
        }

    def _gated(self, deployment: str) -> bool:
        """The controller gates the Pods of its target groups alone."""
        source = _base("namespace")
        (namespace,) = read_objects(Namespace, self._read(source), source=source)
        return deployment in SERVING and namespace.gates_new_pods

    def _read(self, file: Path) -> str:
        alter = self.altered.get(str(file.relative_to(binaries.checkout())))
        return alter(file.read_text()) if alter else file.read_text()

    def _client_secret(self, deployment: str) -> str:
        return load_clients(self.state.clients).get(deployment, "")

    def _password(self, deployment: str) -> str:
        return self.state.secret(DEPLOYMENTS[deployment]).read_text()


def _base(name: str) -> Path:
    return binaries.checkout() / "k8s" / "base" / f"{name}.yaml"


def _envoy_file(name: str) -> Path:
    return binaries.checkout() / "envoy" / f"{name}.yaml"
