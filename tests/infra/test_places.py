"""A place's file says each thing once, and nothing that nobody asks for."""

import re
import shutil
from pathlib import Path

import pytest

from infra.deploy import places
from infra.deploy.errors import BadPlace
from infra.deploy.templates import Template


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of what places are read from."""
    for folder in ("infra/places", "k8s/cluster"):
        shutil.copytree(places.ROOT / folder, tmp_path / folder)
    return tmp_path


def says(root: Path, *, line: str) -> None:
    """Staging's file with one parameter said otherwise, or one more."""
    path = root / "infra/places/staging.yaml"
    name, text = line.partition(":")[0], path.read_text()
    changed, count = re.subn(rf"(?m)^  {name}:.*$", f"  {line}", text)
    path.write_text(changed if count else f"{text}  {line}\n")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("InstanceType: m7i.xlarge", "InstanceType is not for this file to say"),
        ("VpcCniVersion: v1.0.0-eksbuild.1", "VpcCniVersion is not for this file to say"),
        ("NatGatways: One", "NatGatways is not for this file to say"),
        ('KubernetesVersion: "1.35"', "nodes of 1.36 would be newer"),
    ],
)
def test_what_cannot_be_is_refused(
    line: str, why: str, root: Path, templates: dict[str, Template]
) -> None:
    """By name: before anything is sent."""
    says(root, line=line)

    with pytest.raises(BadPlace, match=re.escape(why)):
        places.read("staging", templates=templates, root=root)


def test_in_an_upgrade_the_nodes_may_be_behind(root: Path, templates: dict[str, Template]) -> None:
    """The control plane goes first."""
    says(root, line='NodesVersion: "1.35"')

    place = places.read("staging", templates=templates, root=root)
    assert place.parameters_of(templates["nodes"])["NodesVersion"] == "1.35"


def test_a_parameter_that_is_left_out_is_named(root: Path, templates: dict[str, Template]) -> None:
    """With the stack that asks for it, and the file that should say it."""
    path = root / "infra/places/staging.yaml"
    path.write_text(re.sub(r"(?m)^  FlowLogs:.*\n", "", path.read_text()))
    place = places.read("staging", templates=templates, root=root)

    with pytest.raises(BadPlace, match=r"flow-logs: nobody says FlowLogs; infra/places/staging"):
        place.parameters_of(templates["flow-logs"])


def test_each_place_says_the_same_parameters(templates: dict[str, Template]) -> None:
    """What is set for staging is set for production."""
    staging, production = (places.read(name, templates=templates) for name in places.PLACES)

    assert staging.values.keys() == production.values.keys()
