"""What a container sees of its Pod: its files, its environment, its programs.

Kubernetes gives a Pod namespaces of its own; here a Pod has a directory and two addresses, and the
paths and addresses in its manifest are translated. All of that translation is in this file.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bukken_local.kubernetes.envoy_files import Home
from bukken_local.kubernetes.manifests import Container, EnvVar, PodSpec
from bukken_local.kubernetes.reading import ManifestNotUnderstood
from bukken_local.processes import binaries
from bukken_local.processes.child import Child
from bukken_local.processes.left_behind import remember

ADMIN_PORT = 9901
EGRESS_PORT = 9001
NAMESPACE = "bukken"

IMAGE_ENVIRONMENT = {"LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
"""What the images' own ENV lines say."""

Files = Mapping[str, Mapping[str, str]]
"""ConfigMaps or Secrets: by name, then by key."""


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """One Pod's place on this machine."""

    pod: str
    home: Home
    directory: Path
    logs: Path
    state_file: Path
    spec: PodSpec
    config_maps: Files = field(default_factory=dict)
    secrets: Files = field(default_factory=dict)
    envoy_arguments: Sequence[str] = ()

    def lay_out(self) -> None:
        """Writes every volume where its containers look for it."""
        for container in (*self.spec.init_containers, *self.spec.containers):
            root = self._root(container)
            root.mkdir(parents=True, exist_ok=True)
            # Outer mounts first: /etc/envoy/place lies inside the volume at /etc/envoy.
            for mount in sorted(container.volume_mounts, key=lambda mount: mount.mount_path):
                _place(self._volume(mount.name), at=_below(root, mount.mount_path))

    def renew_secret(self, name: str, files: Mapping[str, str]) -> None:
        """Puts something else into the volumes of a Secret; a reader sees the one or the other.

        The kubelet does so too, within a minute or two, while the containers run.
        """
        volumes = {
            volume.name
            for volume in self.spec.volumes
            if volume.secret and volume.secret.secret_name == name
        }
        for container in (*self.spec.init_containers, *self.spec.containers):
            for mount in container.volume_mounts:
                if mount.name in volumes:
                    at = _below(self._root(container), mount.mount_path)
                    _place({f"{key}.new": text for key, text in files.items()}, at=at)
                    for key in files:
                        (at / f"{key}.new").replace(at / key)

    def start(self, container: Container) -> Child:
        """Starts a container's program."""
        return self._run(container, self._entrypoint(container), name=container.name)

    def execute(self, container: Container, command: Sequence[str], *, purpose: str) -> Child:
        """Starts a probe's or a hook's command beside the container's program."""
        return self._run(container, command, name=f"{container.name}-{purpose}")

    def environment(self, container: Container) -> dict[str, str]:
        """The variables of a container, as the kubelet resolves them.

        Raises:
            ManifestNotUnderstood: a variable refers to a ConfigMap or key that is not there.
        """
        given = {variable.name: self._value(variable) for variable in container.env}
        seen = {name: self._seen(value, container=container) for name, value in given.items()}
        return {
            **IMAGE_ENVIRONMENT,
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._root(container)),
            "HOSTNAME": self.pod,
            **seen,
            **self._of_the_network_namespace(),
        }

    def _of_the_network_namespace(self) -> dict[str, str]:
        """The one set of overrides: each program believes in a 127.0.0.1 that is its Pod's alone.

        On Kubernetes the defaults are right, because each Pod has a loopback of its own.
        """
        return {
            "BUKKEN_HOST": self.home.loopback,
            "BUKKEN_EGRESS_URL": f"http://{self.home.loopback}:{EGRESS_PORT}",
            "BUKKEN_ENVOY_ADMIN_URL": f"http://{self.home.loopback}:{ADMIN_PORT}",
        }

    def _run(self, container: Container, command: Sequence[str], *, name: str) -> Child:
        program, *arguments = command
        directory = container.working_dir
        child = Child.start(
            [*self._program(program), *(self._seen(a, container=container) for a in arguments)],
            name=f"{self.pod}/{name}",
            log=self.logs / f"{self.pod}-{container.name}.log",
            env=self.environment(container),
            cwd=_below(self._root(container), directory) if directory else self._root(container),
        )
        remember(child, state_file=self.state_file)
        return child

    def _entrypoint(self, container: Container) -> Sequence[str]:
        if container.command:
            return (*container.command, *container.args)
        if "envoy" in container.image:  # its entry point; our own images' commands are spelled out
            return ("envoy", *container.args)
        raise ManifestNotUnderstood(f"container {container.name} of {self.pod} has no command")

    def _program(self, name: str) -> Sequence[str | Path]:
        if name == "python":
            return (sys.executable,)
        if Path(name).name == "envoy":
            return (binaries.envoy(), *self.envoy_arguments)
        return (name,)

    def _value(self, variable: EnvVar) -> str:
        source = variable.value_from
        if source is None:
            return variable.value
        if source.field_ref is not None:
            return self._fact(source.field_ref.field_path)
        assert source.config_map_key_ref is not None  # noqa: S101 — ValueFrom has exactly one
        reference = source.config_map_key_ref
        config_map = self._named(self.config_maps, reference.name, kind="ConfigMap")
        if reference.key not in config_map:
            raise ManifestNotUnderstood(f"ConfigMap {reference.name} has no key {reference.key}")
        return config_map[reference.key]

    def _fact(self, field_path: str) -> str:
        facts = {
            "metadata.name": self.pod,
            "metadata.namespace": NAMESPACE,
            "status.podIP": self.home.address,
        }
        return facts[field_path]

    def _volume(self, name: str) -> Mapping[str, str]:
        for volume in self.spec.volumes:
            if volume.name != name:
                continue
            if volume.config_map:
                return self._named(self.config_maps, volume.config_map.name, kind="ConfigMap")
            if volume.secret:
                return self._named(self.secrets, volume.secret.secret_name, kind="Secret")
            return {}  # an emptyDir
        raise ManifestNotUnderstood(f"{self.pod} mounts {name}, which is none of its volumes")

    def _named(self, files: Files, name: str, *, kind: str) -> Mapping[str, str]:
        if name not in files:
            raise ManifestNotUnderstood(f"{self.pod} wants {kind} {name}, which nobody made")
        return files[name]

    def _seen(self, value: str, *, container: Container) -> str:
        """A path in a volume as this machine has it, alone or as `--option=path`; the loopback."""
        if value == "127.0.0.1":
            return self.home.loopback
        option, equals, path = value.rpartition("=")
        for mount in container.volume_mounts:
            if Path(path).is_relative_to(mount.mount_path):
                return f"{option}{equals}{_below(self._root(container), path)}"
        return value

    def _root(self, container: Container) -> Path:
        return self.directory / container.name


def _below(root: Path, path: str) -> Path:
    return root / path.lstrip("/")


def _place(files: Mapping[str, str], *, at: Path) -> None:
    at.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        file = at / name
        file.touch(mode=0o600)  # before there is anything to read: it may be a secret
        file.write_text(text)
