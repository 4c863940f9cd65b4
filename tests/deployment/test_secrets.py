"""Secrets come from AWS Secrets Manager, each to whom it belongs, and never from Git."""

import re
from pathlib import PurePosixPath

import pytest
import yaml
from deployment.rendered import (
    ON_AWS,
    ROOT,
    SIDES,
    Document,
    Documents,
    containers,
    generated,
    name_of,
    one,
    rendered,
    template,
    workloads,
)

DRIVER = "secrets-store.csi.k8s.io"
OWNERS = {
    "consistency": {"secrets": "consistency-secret"},
    "command-api": {"password": "command-api-secret"},
    "query-api": {"password": "query-api-secret"},
    "migrate": {"password": "migrate-secret"},
    "bootstrap": {
        "password": "master-secret",
        "migrator": "migrate-secret",
        "writer": "command-api-secret",
        "reader": "query-api-secret",
    },
}


def files(documents: Documents, owner: str) -> dict[str, str]:
    """What an identity finds mounted: each file's secret, or the member of it that it is."""
    found = one(documents, "SecretProviderClass", owner)
    objects = yaml.safe_load(found["spec"]["parameters"]["objects"])
    return {each.get("jmesPath", [each])[0]["objectAlias"]: each["objectName"] for each in objects}


def volume_of(workload: Document, *, name: str = "database") -> Document:
    """Its volume of this name."""
    volumes = template(workload)["spec"]["volumes"]
    found: Document = next(volume for volume in volumes if volume["name"] == name)
    return found


def mounted_by(name: str) -> Document:
    """A volume that the driver mounts, read-only, as this class says."""
    attributes = {"secretProviderClass": name}
    return {"driver": DRIVER, "readOnly": True, "volumeAttributes": attributes}


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("overlay", ON_AWS)
def test_each_identity_mounts_its_own_secrets(overlay: str, owner: str) -> None:
    """The file's name says whose password it is, and the parameters say where that is."""
    documents = rendered(overlay)
    parameters = generated(documents, "bukken")["data"]

    assert files(documents, owner) == {
        file: parameters[secret] for file, secret in OWNERS[owner].items()
    }


@pytest.mark.parametrize("overlay", ON_AWS)
def test_every_pods_secret_is_mounted_by_its_own_class(overlay: str) -> None:
    """By the driver, read-only; no Secret is left of what the base has."""
    for workload in workloads(rendered(overlay)):
        own = mounted_by(template(workload)["spec"]["serviceAccountName"])
        assert volume_of(workload) == {"name": "database", "csi": own}


@pytest.mark.parametrize("overlay", ON_AWS)
@pytest.mark.parametrize("side", SIDES)
def test_both_sides_have_one_secret_for_consistency(side: str, overlay: str) -> None:
    """What one signs the other knows; nobody else mounts it."""
    volume = volume_of(one(rendered(overlay), "Deployment", side), name="consistency")

    assert volume == {"name": "consistency", "csi": mounted_by("consistency")}


def test_both_sides_have_one_secret_for_consistency_without_aws() -> None:
    """In kind it is one Secret, whose key is the file that both are told of."""
    documents = rendered("kind")
    named = {
        volume_of(one(documents, "Deployment", side), name="consistency")["secret"]["secretName"]
        for side in SIDES
    }
    (name,) = named

    assert one(documents, "Secret", name)["data"].keys() == {"secrets"}


@pytest.mark.parametrize("overlay", ON_AWS)
def test_every_password_file_is_one_that_is_mounted(overlay: str) -> None:
    """A variable that ends in PASSWORD_FILE leads to a file of the class."""
    documents = rendered(overlay)
    for workload in workloads(documents):
        *_, app = containers(workload)
        mounted = files(documents, template(workload)["spec"]["serviceAccountName"])
        named = [each["value"] for each in app["env"] if each["name"].endswith("PASSWORD_FILE")]
        assert {PurePosixPath(path).name for path in named} == mounted.keys(), name_of(workload)


@pytest.mark.parametrize("overlay", ON_AWS)
def test_every_connection_proves_whom_it_speaks_to(overlay: str) -> None:
    """`verify-full`, with the file of authorities that is mounted."""
    documents = rendered(overlay)
    bundle = one(documents, "ConfigMap", "database-ca")["data"]
    for workload in workloads(documents):
        *_, app = containers(workload)
        said = {each["name"]: each.get("value") for each in app["env"]}
        mounts = {each["name"]: each["mountPath"] for each in app["volumeMounts"]}
        path = PurePosixPath(said["BUKKEN_DATABASE_CA_FILE"])
        assert (str(path.parent), path.name in bundle) == (mounts["database-ca"], True)
        assert said.get("BUKKEN_DATABASE_TLS", "verify-full") in {"verify-full", None}
    assert generated(documents, "bukken")["data"]["database-tls"] == "verify-full"


def test_no_secret_is_in_git() -> None:
    """In k8s/ there is none but those of kind, whose databases nobody outside reaches."""
    suspicious = re.compile(r"password\s*[=:]\s*['\"]?[^\s{}\[\],'\"]{6,}", re.IGNORECASE)
    for path in (ROOT / "k8s").rglob("*"):
        if path.suffix in {".yaml", ".env", ".pem"} and path.parent.name != "kind":
            assert not suspicious.search(path.read_text()), path
