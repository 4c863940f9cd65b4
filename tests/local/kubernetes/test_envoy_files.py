import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from document_leaves import leaves

from bukken_local.database.endpoint import Address
from bukken_local.kubernetes.envoy_files import (
    EXTRA_ARGUMENTS,
    EnvoyFileNotUnderstood,
    Home,
    own_addresses,
    rehomed,
    resolver,
    with_endpoint,
)
from bukken_local.processes import binaries

ENVOY = binaries.checkout() / "envoy"
PLACE = binaries.checkout() / "local" / "place"
HOME = Home(address="127.0.78.11", loopback="127.0.78.111")
SIDECARS = ("command-api", "query-api")
FILES = (*SIDECARS, "inquiry-relay", "alb")


def differences(before: Any, after: Any) -> dict[tuple[str | int, ...], tuple[Any, Any]]:  # noqa: ANN401 — YAML
    """The paths at which two documents differ, with both values."""
    left, right = dict(leaves(before)), dict(leaves(after))
    return {
        path: (left.get(path), right.get(path))
        for path in left.keys() | right.keys()
        if left.get(path) != right.get(path)
    }


def text_of(name: str) -> str:
    """A file of envoy/."""
    return (ENVOY / f"{name}.yaml").read_text()


@pytest.mark.parametrize("name", FILES)
def test_nothing_but_the_pods_own_addresses_differs(name: str) -> None:
    """What this place changes in a file is the host of each path listed, and nothing else."""
    config = yaml.safe_load(text_of(name))
    changed = differences(config, json.loads(rehomed(text_of(name), home=HOME)))

    assert changed.keys() == {(*path, "address") for path in own_addresses(config)}
    assert set(changed.values()) <= {
        ("0.0.0.0", HOME.address),  # noqa: S104 — what the file says, and no longer does
        ("127.0.0.1", HOME.loopback),
    }


@pytest.mark.parametrize("name", SIDECARS)
def test_the_paths_are_where_a_pod_listens_and_what_it_finds_on_its_loopback(name: str) -> None:
    """Admin, each listener, and the clusters of the app and of admin, so that none is missed."""
    config = yaml.safe_load(text_of(name))
    clusters = config["static_resources"]["clusters"]
    paths = list(own_addresses(config))

    assert [path[0] for path in paths].count("admin") == 1
    assert len([path for path in paths if "listeners" in path]) == len(
        config["static_resources"]["listeners"]
    )
    batches = ["local_app_batches"] if name == "command-api" else []
    assert [clusters[path[2]]["name"] for path in paths if "clusters" in path] == [
        "local_app",
        *batches,
        "local_app_live",
        "local_app_metrics",
        "admin",
    ]


@pytest.mark.parametrize("name", FILES)
def test_no_listener_is_left_on_all_addresses(name: str) -> None:
    """No rewritten file says 0.0.0.0, where two Pods would share a port silently."""
    assert "0.0.0.0" not in rehomed(text_of(name), home=HOME)  # noqa: S104 — must not be there


def test_the_load_balancers_port_may_be_chosen() -> None:
    """A chosen port is the one further difference of the ALB's file."""
    alb = text_of("alb")
    plain, moved = rehomed(alb, home=HOME), rehomed(alb, home=HOME, port=8099)

    assert list(differences(json.loads(plain), json.loads(moved)).values()) == [(8088, 8099)]


def test_an_own_address_that_is_no_own_address_is_refused() -> None:
    """A listener on some other address is an error that names it."""
    moved = text_of("alb").replace("0.0.0.0", "192.0.2.1")  # noqa: S104 — is replaced

    with pytest.raises(EnvoyFileNotUnderstood, match=r"192\.0\.2\.1"):
        rehomed(moved, home=HOME)


def test_the_issuers_address_is_filled_in() -> None:
    """The place file differs in the issuer's host and port alone."""
    text = (PLACE / "clusters.yaml").read_text()
    filled = with_endpoint(text, cluster="issuer", at=Address("127.0.78.10", 1234))

    changed = differences(yaml.safe_load(text), json.loads(filled))

    assert {path[-1]: new for path, (_, new) in changed.items()} == {
        "address": "127.0.78.10",
        "port_value": 1234,
    }


def test_a_place_file_without_the_cluster_is_refused() -> None:
    """An address that could not be filled in is an error that names the cluster."""
    with pytest.raises(EnvoyFileNotUnderstood, match="no cluster elsewhere"):
        with_endpoint("resources: []", cluster="elsewhere", at=Address("127.0.0.1", 1))


@pytest.mark.parametrize("name", FILES)
def test_envoy_takes_the_rewritten_file(name: str, tmp_path: Path) -> None:
    """Envoy accepts each file as it is run here, with our resolver, and warns of nothing."""
    (tmp_path / "envoy.yaml").write_text(rehomed(text_of(name), home=HOME))
    (tmp_path / "place").mkdir()
    for file in PLACE.glob("*.yaml"):
        (tmp_path / "place" / file.name).write_text(file.read_text())
    extra = (*EXTRA_ARGUMENTS, *resolver(host="127.0.78.2", port=1053))

    checked = subprocess.run(
        [binaries.envoy(), "--mode", "validate", "-c", "envoy.yaml", *extra],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr
    assert "[warning]" not in checked.stderr, checked.stderr
