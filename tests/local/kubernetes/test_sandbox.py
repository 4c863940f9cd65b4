from collections.abc import Mapping
from pathlib import Path

import pytest

from bukken_local.kubernetes.envoy_files import Home
from bukken_local.kubernetes.manifests import read_deployment
from bukken_local.kubernetes.reading import ManifestNotUnderstood
from bukken_local.kubernetes.sandbox import Sandbox

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: thing}
spec:
  template:
    spec:
      containers:
      - name: app
        image: x
        command: [python]
        env:
        - {name: PLAIN, value: as written}
        - {name: HOST, valueFrom: {configMapKeyRef: {name: bukken, key: host}}}
        - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
        - {name: SECRET_FILE, value: /run/secrets/database/password}
        - {name: ELSEWHERE, value: /run/secrets/databases}
        - {name: OPTION, value: --file=/run/secrets/database/password}
        - {name: BUKKEN_HOST, value: 127.0.0.1}
        - {name: NEIGHBOUR, value: 127.0.0.1}
        volumeMounts:
        - {name: inner, mountPath: /etc/thing/inner}
        - {name: outer, mountPath: /etc/thing}
        - {name: database, mountPath: /run/secrets/database}
      volumes:
      - {name: outer, configMap: {name: bukken}}
      - {name: inner, configMap: {name: bukken}}
      - {name: database, secret: {secretName: database}}
"""
BUKKEN = {"bukken": {"host": "127.0.77.3"}}


def sandbox(here: Path, *, config_maps: Mapping[str, Mapping[str, str]] = BUKKEN) -> Sandbox:
    """The place of a Pod of the manifest above."""
    return Sandbox(
        pod="thing-1",
        home=Home(address="127.0.77.11", loopback="127.0.77.111"),
        directory=here / "pod",
        logs=here / "logs",
        state_file=here / "children",
        spec=read_deployment(MANIFEST, source=Path("thing.yaml")).pod,
        config_maps=config_maps,
        secrets={"database": {"password": "hush"}},
    )


def environment(place: Sandbox) -> Mapping[str, str]:
    """Of its one container."""
    return place.environment(place.spec.containers[0])


def test_variables_come_from_where_the_manifest_says(tmp_path: Path) -> None:
    """A value is as written, a ConfigMap's, or a fact about the Pod."""
    found = environment(sandbox(tmp_path))

    assert [found[name] for name in ("PLAIN", "HOST", "POD_IP", "HOSTNAME")] == [
        "as written",
        "127.0.77.3",
        "127.0.77.11",
        "thing-1",
    ]


def test_a_path_in_a_volume_is_found_in_the_pods_directory(tmp_path: Path) -> None:
    """Paths below a mount are translated, alone or in an option; others are left alone."""
    found = environment(sandbox(tmp_path))
    file = f"{tmp_path}/pod/app/run/secrets/database/password"

    assert (found["SECRET_FILE"], found["OPTION"]) == (file, f"--file={file}")
    assert found["ELSEWHERE"] == "/run/secrets/databases"


def test_what_a_network_namespace_would_give_is_the_one_override(tmp_path: Path) -> None:
    """Only the three variables that mean the Pod's own loopback are ours, whatever is written."""
    found = environment(sandbox(tmp_path))

    assert {name: value for name, value in found.items() if name.startswith("BUKKEN_")} == {
        "BUKKEN_HOST": "127.0.77.111",
        "BUKKEN_EGRESS_URL": "http://127.0.77.111:9001",
        "BUKKEN_ENVOY_ADMIN_URL": "http://127.0.77.111:9901",
    }


def test_the_loopback_is_the_pods_own(tmp_path: Path) -> None:
    """A variable that says 127.0.0.1 means the container beside, here as everywhere."""
    assert environment(sandbox(tmp_path))["NEIGHBOUR"] == "127.0.77.111"


def test_our_own_environment_is_not_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container sees nothing of the variables of the shell that started the runner."""
    monkeypatch.setenv("BUKKEN_LOG_LEVEL", "debug")

    assert "BUKKEN_LOG_LEVEL" not in environment(sandbox(tmp_path))


def test_a_volume_inside_a_volume_has_its_files(tmp_path: Path) -> None:
    """A mount below another one is laid out after it, whatever their order in the manifest."""
    place = sandbox(tmp_path)
    place.lay_out()

    for directory in ("etc/thing", "etc/thing/inner"):
        assert (tmp_path / "pod" / "app" / directory / "host").read_text() == "127.0.77.3"


def test_a_secret_is_written_for_us_alone(tmp_path: Path) -> None:
    """Nobody else on the machine can read a Secret's file."""
    place = sandbox(tmp_path)
    place.lay_out()

    file = tmp_path / "pod" / "app" / "run" / "secrets" / "database" / "password"
    assert (file.read_text(), file.stat().st_mode & 0o077) == ("hush", 0)


def test_a_secret_is_renewed_in_its_volume(tmp_path: Path) -> None:
    """Another file in place of the former, and nothing beside it."""
    place = sandbox(tmp_path)
    place.lay_out()
    file = Path(environment(place)["SECRET_FILE"])
    former = file.stat().st_ino

    place.renew_secret("database", {"password": "tush"})

    assert (file.read_text(), file.stat().st_mode & 0o777) == ("tush", 0o600)
    assert (file.stat().st_ino != former, list(file.parent.iterdir())) == (True, [file])


@pytest.mark.parametrize(
    ("config_maps", "named"),
    [({}, "thing-1 wants ConfigMap bukken"), ({"bukken": {}}, "ConfigMap bukken has no key host")],
)
def test_what_nobody_made_is_named(
    tmp_path: Path, config_maps: Mapping[str, Mapping[str, str]], named: str
) -> None:
    """A ConfigMap or key that is not there is an error with its name."""
    with pytest.raises(ManifestNotUnderstood, match=named):
        environment(sandbox(tmp_path, config_maps=config_maps))
