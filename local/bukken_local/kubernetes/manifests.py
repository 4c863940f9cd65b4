"""What the runner understands of a Deployment; the other kinds stand in objects.py.

Source of the defaults: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/
"""

from pathlib import Path
from typing import Literal

import msgspec

from bukken_local.kubernetes.quantities import NumberOrShare
from bukken_local.kubernetes.reading import (
    Ignored,
    ManifestNotUnderstood,
    Section,
    one_of_kind,
    understood,
)


class Exec(Section, frozen=True):
    """A command run beside the container's own."""

    command: tuple[str, ...]


class HttpGet(Section, frozen=True):
    """A GET to the Pod's address; 200–399 passes."""

    port: int | str
    path: str = "/"
    scheme: Literal["HTTP"] = "HTTP"


class TcpSocket(Section, frozen=True):
    """A connection to the Pod's address; opened passes."""

    port: int | str


class Probe(Section, frozen=True):
    """A question asked again and again; times are seconds."""

    exec_: Exec | None = msgspec.field(name="exec", default=None)
    http_get: HttpGet | None = None
    tcp_socket: TcpSocket | None = None
    initial_delay_seconds: int = 0
    period_seconds: int = 10
    timeout_seconds: int = 1
    success_threshold: int = 1
    failure_threshold: int = 3
    termination_grace_period_seconds: int | None = None

    def __post_init__(self) -> None:
        if sum(asked is not None for asked in (self.exec_, self.http_get, self.tcp_socket)) != 1:
            raise ValueError("a probe needs exactly one of exec, httpGet, tcpSocket")


class Handler(Section, frozen=True):
    """What a hook does."""

    exec_: Exec = msgspec.field(name="exec")


class Lifecycle(Section, frozen=True):
    """The hooks of a container."""

    pre_stop: Handler | None = None


class KeyRef(Section, frozen=True):
    """One key of a ConfigMap."""

    name: str
    key: str


class FieldRef(Section, frozen=True):
    """A fact about the Pod itself."""

    field_path: Literal["metadata.name", "metadata.namespace", "status.podIP"]
    api_version: Ignored = None


class ValueFrom(Section, frozen=True):
    """Where an environment variable's value comes from."""

    config_map_key_ref: KeyRef | None = None
    field_ref: FieldRef | None = None

    def __post_init__(self) -> None:
        if (self.config_map_key_ref is None) == (self.field_ref is None):
            raise ValueError("valueFrom needs exactly one of configMapKeyRef, fieldRef")


class EnvVar(Section, frozen=True):
    """One environment variable."""

    name: str
    value: str = ""
    value_from: ValueFrom | None = None


class Port(Section, frozen=True):
    """A port, which probes may name."""

    container_port: int
    name: str | None = None
    protocol: Literal["TCP"] = "TCP"


class VolumeMount(Section, frozen=True):
    """Where a container finds a volume."""

    name: str
    mount_path: str
    read_only: Ignored = None  # the programs here write to none of them


class Container(Section, frozen=True):
    """A container, or a native sidecar (`restartPolicy: Always` among the initContainers)."""

    name: str
    image: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: str | None = None
    env: tuple[EnvVar, ...] = ()
    ports: tuple[Port, ...] = ()
    volume_mounts: tuple[VolumeMount, ...] = ()
    startup_probe: Probe | None = None
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    lifecycle: Lifecycle = Lifecycle()
    restart_policy: Literal["Always"] | None = None
    image_pull_policy: Ignored = None  # programs come from this checkout's environment
    resources: Ignored = None  # one machine has no scheduler, and no root to make a cgroup
    security_context: Ignored = None  # likewise: it takes away what a process here never had
    termination_message_policy: Ignored = None  # the runner itself shows the end of a log

    def port(self, wanted: int | str) -> int:
        """The number of a port given by name or number."""
        if isinstance(wanted, int):
            return wanted
        named = {port.name: port.container_port for port in self.ports}
        if wanted not in named:
            raise ManifestNotUnderstood(f"container {self.name} has no port named {wanted}")
        return named[wanted]


class ConfigMapVolume(Section, frozen=True):
    """A ConfigMap as files, one a key."""

    name: str


class SecretVolume(Section, frozen=True):
    """A Secret as files, one a key."""

    secret_name: str
    default_mode: Ignored = None  # the runner writes secrets for the one user there is


class Volume(Section, frozen=True):
    """A volume of the Pod."""

    name: str
    config_map: ConfigMapVolume | None = None
    secret: SecretVolume | None = None
    empty_dir: dict[str, Ignored] | None = None  # a directory; its size and medium are not limited

    def __post_init__(self) -> None:
        kinds = (self.config_map, self.secret, self.empty_dir)
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("a volume needs exactly one of configMap, secret, emptyDir")


class PodSpec(Section, frozen=True):
    """What a Pod runs."""

    containers: tuple[Container, ...]
    init_containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    termination_grace_period_seconds: int = 30
    restart_policy: Literal["Always"] = "Always"
    # Where a Pod lands, who it is to the API server and to the node: there is no cluster here.
    affinity: Ignored = None
    automount_service_account_token: Ignored = None
    enable_service_links: Ignored = None
    node_selector: Ignored = None
    priority_class_name: Ignored = None
    security_context: Ignored = None
    service_account_name: Ignored = None
    tolerations: Ignored = None
    topology_spread_constraints: Ignored = None

    def __post_init__(self) -> None:
        for container in self.init_containers:
            if container.restart_policy is None:
                raise ValueError(f"init container {container.name} is no native sidecar")
        mounts = [
            mount.name
            for container in (*self.init_containers, *self.containers)
            for mount in container.volume_mounts
        ]
        for volume in self.volumes:
            if volume.empty_dir is not None and mounts.count(volume.name) > 1:
                raise ValueError(f"emptyDir {volume.name} is shared; here each mount is alone")


class TemplateMetadata(Section, frozen=True):
    """By what Services and budgets find the Pods."""

    labels: dict[str, str] = msgspec.field(default_factory=dict)
    annotations: Ignored = None


class PodTemplate(Section, frozen=True):
    """The Pod each replica is made from."""

    spec: PodSpec
    metadata: TemplateMetadata = TemplateMetadata()


class RollingUpdate(Section, frozen=True):
    """How far a rollout may go above and below the wanted number of Pods."""

    max_surge: NumberOrShare = "25%"
    max_unavailable: NumberOrShare = "25%"


class Strategy(Section, frozen=True):
    """How one revision replaces another."""

    rolling_update: RollingUpdate = RollingUpdate()
    type: Literal["RollingUpdate"] = "RollingUpdate"


class DeploymentSpec(Section, frozen=True):
    """Of what, and how one revision replaces another."""

    template: PodTemplate
    strategy: Strategy = Strategy()
    min_ready_seconds: int = 0
    progress_deadline_seconds: int = 600
    revision_history_limit: int = 10
    replicas: Ignored = None  # the runner is told how many by its caller
    selector: Ignored = None


class Metadata(Section, frozen=True):
    """The Deployment's name."""

    name: str
    namespace: Ignored = None
    labels: Ignored = None
    annotations: Ignored = None


class Deployment(Section, frozen=True):
    """A Deployment."""

    kind: Literal["Deployment"]
    metadata: Metadata
    spec: DeploymentSpec
    api_version: Literal["apps/v1"]

    @property
    def name(self) -> str:
        """Its name, which is its Service's name too."""
        return self.metadata.name

    @property
    def pod(self) -> PodSpec:
        """What each of its Pods runs."""
        return self.spec.template.spec


def read_deployment(text: str, *, source: Path) -> Deployment:
    """Gives the one Deployment among the documents of a manifest.

    Raises:
        ManifestNotUnderstood: it has none or several, or says what the runner cannot do.
    """
    return understood(one_of_kind("Deployment", text, source=source), Deployment, source=source)
