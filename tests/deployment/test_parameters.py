"""The one generated file of a place: what must be in it, and that each line has its effect."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from deployment.rendered import ON_AWS, ROOT, Documents, generated, render, rendered

# Read by the release tool (cluster) and by tests/deployment (database-max-connections) alone.
HAS_ITS_EFFECT_ELSEWHERE = {"cluster", "database-max-connections"}
# Read by the Pods themselves, from the ConfigMap.
READ_BY_PODS = {"database-reader-host", "database-tls", "inquiry-relay-client-id"}


def parameters(overlay: str) -> Mapping[str, str]:
    """A place's own."""
    lines = (ROOT / "k8s" / overlay / "parameters.env").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {key: value for key, _, value in pairs}


def text_without(documents: Documents, parameter_map: str) -> str:
    """All that is rendered but the parameters themselves."""
    rest = [each for each in documents if each["metadata"]["name"] != parameter_map]
    return yaml.safe_dump_all(rest)


def changed(key: str) -> str:
    """A value that nothing else has; the one number stays a number."""
    return "54321" if key == "database-port" else f"changed--{key}"


@pytest.fixture
def changed_overlay(tmp_path: Path) -> Path:
    """A copy of all that staging is made of, whose parameters each say something of their own."""
    for folder in ("k8s", "envoy", "local/place"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*.py"))
    path = tmp_path / "k8s/staging/parameters.env"
    path.write_text(re.sub(r"^([a-z-]+)=.*$", _changed, path.read_text(), flags=re.MULTILINE))
    return tmp_path / "k8s/staging"


def _changed(line: re.Match[str]) -> str:
    return f"{line[1]}={changed(line[1])}"


def test_both_places_have_the_same_parameters() -> None:
    """What is set for staging is set for production."""
    staging, production = (parameters(overlay) for overlay in ON_AWS)

    assert staging.keys() == production.keys()


def test_every_parameter_goes_somewhere(changed_overlay: Path) -> None:
    """A line that changes nothing would be believed, and do nothing."""
    documents = render(changed_overlay)
    own = generated(documents, "bukken")["metadata"]["name"]
    text = text_without(documents, own)
    unused = {key for key in parameters("staging") if changed(key) not in text}

    assert unused == HAS_ITS_EFFECT_ELSEWHERE | READ_BY_PODS


def test_nothing_of_the_base_is_left_where_a_parameter_belongs() -> None:
    """Placeholders of the base and of k8s/eks are all replaced."""
    documents = rendered("staging")
    text = yaml.safe_dump_all(documents)

    assert not re.search(r"\.invalid|192\.0\.2\.|-release$|: region$", text, re.MULTILINE)


@pytest.mark.parametrize("overlay", ON_AWS)
def test_pods_are_made_anew_when_a_parameter_changes(overlay: str) -> None:
    """The ConfigMap's name has a hash, which stands in the Pods' template."""
    name = generated(rendered(overlay), "bukken")["metadata"]["name"]

    assert re.fullmatch(r"bukken-[a-z0-9]{10}", name)
    assert yaml.safe_dump_all(rendered(overlay)).count(name) > 8
