"""Each overlay is what the API server, and the controllers that read custom resources, take."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate  # type: ignore[import-untyped]  # it has no types
import pytest
import yaml
from deployment.rendered import (
    ON_AWS,
    OVERLAYS,
    ROOT,
    SIDES,
    Document,
    Documents,
    base_document,
    containers,
    name_of,
    of_kind,
    one,
    rendered,
)

KUBERNETES = "1.36"  # the oldest that EKS makes new clusters of; docs/operating/release.md
SCHEMAS = Path(__file__).parent / "schemas"
CUSTOM = {"IngressClassParams", "SecretProviderClass"}
ABOVE_NAMESPACES = {"Namespace", "PriorityClass", "IngressClass", "IngressClassParams"}


def schema(name: str) -> Document:
    """One of our own schemas, for what Kubernetes itself does not know."""
    parsed: Document = json.loads((SCHEMAS / f"{name}.json").read_text())
    return parsed


def refusals(documents: Documents) -> Iterator[str]:
    """Why a server would refuse it, or a controller misread it."""
    for document in documents:
        try:
            _validate(document)
        except jsonschema.ValidationError as error:
            yield f"{name_of(document)}: {'.'.join(map(str, error.path))}: {error.message}"


def _validate(document: Document) -> None:
    if document["kind"] not in CUSTOM:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)
        return
    jsonschema.validate(document, schema(document["kind"]))
    if document["kind"] == "SecretProviderClass":
        objects = yaml.safe_load(document["spec"]["parameters"]["objects"])
        jsonschema.validate(objects, schema("objects"))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_overlay_is_valid(overlay: str) -> None:
    """Each document is of its kind's schema, with no field too many."""
    assert list(refusals(rendered(overlay))) == []


def test_a_misspelt_field_is_refused() -> None:
    """`maxUnavailble` would otherwise be dropped in silence, and the default of 25 % hold."""
    documents = rendered("staging")
    strategy = one(documents, "Deployment", "query-api")["spec"]["strategy"]["rollingUpdate"]
    strategy["maxUnavailble"] = strategy.pop("maxUnavailable")

    assert any("maxUnavailble" in refusal for refusal in refusals(documents))


def test_a_misspelt_field_of_a_custom_resource_is_refused() -> None:
    """`wafv2ACLArn` would leave the load balancer without a firewall."""
    documents = rendered("staging")
    spec = one(documents, "IngressClassParams", "bukken")["spec"]
    spec["wafv2ACLArn"] = spec.pop("wafv2AclArn")

    assert any("wafv2ACLArn" in refusal for refusal in refusals(documents))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everything_is_in_the_one_namespace(overlay: str) -> None:
    """Nothing lands in whatever namespace a shell has last used."""
    for document in rendered(overlay):
        at = document["metadata"].get("namespace")
        assert at == (None if document["kind"] in ABOVE_NAMESPACES else "bukken"), document


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everything_says_what_it_is_part_of(overlay: str) -> None:
    """`kubectl get all -l app.kubernetes.io/part-of=bukken` shows the platform, and all of it."""
    unlabelled = [
        name_of(document)
        for document in rendered(overlay)
        if document["metadata"].get("labels", {}).get("app.kubernetes.io/part-of") != "bukken"
    ]

    assert unlabelled == []


def test_staging_and_production_differ_in_parameters_alone() -> None:
    """What is proven on staging is proven of production."""
    texts = [(ROOT / "k8s" / overlay / "kustomization.yaml").read_text() for overlay in ON_AWS]
    staging, production = (yaml.safe_load(text) for text in texts)

    assert staging == production


def test_no_stand_in_is_on_aws() -> None:
    """Neither the ALB's stand-in nor its file gets there."""
    names = [document["metadata"]["name"] for document in rendered("staging")]

    assert not any(name.startswith(("alb", "issuer-clients", "database-primary")) for name in names)
    assert of_kind(rendered("staging"), "Secret") == []


# What an overlay may say otherwise of a Pod; everything else is the base's, and so proven with it.
MAY_DIFFER = {"image", "volumes", "volumeMounts", "env", "resources", "topologySpreadConstraints"}


def proven(value: Any) -> Any:  # noqa: ANN401 — YAML
    """A Deployment without what an overlay may change, wherever it stands."""
    if isinstance(value, list):
        return [proven(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {key: proven(each) for key, each in value.items() if key not in MAY_DIFFER}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_overlay_changes_how_a_pod_lives(overlay: str, side: str) -> None:
    """Probes, hooks, times and rights are those that the other places run with."""
    there = one(rendered(overlay), "Deployment", side)["spec"]

    assert proven(there) == proven(base_document(side, "Deployment")["spec"])


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_adds_to_the_environment_alone(overlay: str, side: str) -> None:
    """No setting of the base is set otherwise: only the authorities of the database come to it."""
    *_, app = containers(one(rendered(overlay), "Deployment", side))
    *_, own = containers(base_document(side, "Deployment"))

    assert [each["name"] for each in app["env"][: len(own["env"])]] == [
        each["name"] for each in own["env"]
    ]
    assert {each["name"] for each in app["env"][len(own["env"]) :]} <= {"BUKKEN_DATABASE_CA_FILE"}
