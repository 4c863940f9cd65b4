"""What the stacks made reaches the very lines of `k8s/<place>` that a release reads."""

import re
import shutil
from pathlib import Path

import pytest
import yaml
from deployment.rendered import render
from standing_cloudformation import CloudFormation

from infra.deploy import outputs
from infra.deploy.errors import DeployError, NotThereYet
from infra.deploy.places import ROOT, Place
from infra.deploy.stacks import Stacks
from infra.deploy.templates import Template

# What the stacks do not know: the release's lines, others' systems, what is the same everywhere.
NOT_OF_THE_STACKS = {
    "back-end-cidr",
    "back-end-host",
    "release",
    "bootstrap-release",
    *outputs.IMAGES,
    "database-name",
    "database-tls",
    "issuer-cidr",
}


def keys(overlay: str) -> set[str]:
    """The lines of a place's parameters."""
    text = (ROOT / "k8s" / overlay / "parameters.env").read_text()
    return set(re.findall(r"^([a-z-]+)=", text, re.MULTILINE))


@pytest.fixture
def stacks(aws: CloudFormation, place: Place) -> Stacks:
    """All that the lines come from are there, each with a value of its own."""
    for stack, output in {*outputs.FROM.values(), ("registry", "Registry")}:
        name = place.stack(stack)
        aws.statuses[name] = ["UPDATE_COMPLETE"]
        value = "5432" if output == "Port" else f"{stack}.{output}"
        aws.outputs[name] = {**aws.outputs.get(name, {}), output: value}
    return Stacks(aws.client(), print)


def test_each_line_is_the_stacks_or_the_releases(place: Place) -> None:
    """A line of neither would keep what the example says."""
    assert keys(place.name) - outputs.FROM.keys() - {"region"} - NOT_OF_THE_STACKS == set()


def test_each_value_has_its_line(place: Place) -> None:
    """No line is added: a value without one would reach nobody, and nobody would be told."""
    assert outputs.FROM.keys() - keys(place.name) == set()


def test_each_value_is_an_output(templates: dict[str, Template]) -> None:
    """Of a template that is there."""
    wanted = {*outputs.FROM.values(), ("registry", "Registry")}

    assert {
        (stack, name) for stack, name in wanted if name not in templates[stack].outputs
    } == set()


def test_only_values_change(place: Place, stacks: Stacks) -> None:
    """Comments, order and the release's lines stay; images get the registry and keep the rest."""
    before = (ROOT / "k8s" / place.name / "parameters.env").read_text()
    values = outputs.gathered(place, stacks)
    after = outputs.rewritten(before, values=values, registry="the-registry")

    changed = dict(line.split("=", 1) for line in after.splitlines() if line[:1].islower())
    assert changed["database-writer-host"] == "database.WriterHost"
    assert changed["region"] == place.region
    assert changed["envoy-image"] == "the-registry/docker-hub/envoyproxy/envoy:v1.40.0"
    assert "111122223333" not in "".join(changed.values())
    assert [line for line in before.splitlines() if "=" not in line] == [
        line for line in after.splitlines() if "=" not in line
    ]


def test_what_is_written_can_be_rendered(place: Place, stacks: Stacks, tmp_path: Path) -> None:
    """Kustomize takes the files, and the values are where they belong."""
    for folder in ("k8s", "envoy", "local/place"):
        ignored = shutil.ignore_patterns("*.py", "__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    values = outputs.gathered(place, stacks)
    outputs.write(place, values=values, registry="r", bundle="the bundle", k8s=tmp_path / "k8s")
    rendered = yaml.safe_dump_all(render(tmp_path / "k8s" / place.name))

    assert "host: edge.Host" in rendered
    assert "objectName: secrets.QueryApiArn" in rendered
    assert "the bundle" in rendered


def test_a_stack_that_is_not_made_yet_is_named(place: Place, aws: CloudFormation) -> None:
    """Nothing is written by halves."""
    with pytest.raises(NotThereYet, match="database WriterHost"):
        outputs.gathered(place, Stacks(aws.client(), print))


@pytest.mark.parametrize(
    ("bundle", "why"),
    [
        (b"<html>404</html>", "no certificates"),
        (b"\xff", "no certificates"),
        (b"x" * 200_001, "above 200000 bytes"),
    ],
)
def test_what_is_no_bundle_of_authorities_is_refused(bundle: bytes, why: str) -> None:
    """An error page in its place would be found when no connection is made any more."""
    with pytest.raises(DeployError, match=why):
        outputs.checked(bundle, source="AWS")
