"""The two strictest tools there are for templates find nothing; each exception has its reason.

Each runs once, over the templates and over copies with mistakes in them: a tool that finds nothing
in those would find nothing at all.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from stack_documents import resources

from infra.deploy import places
from infra.deploy.templates import FOLDER, Template, read

ROOT = FOLDER.parents[1]
REGIONS = ("ap-northeast-1", "us-east-1")
SECONDS = 280  # 12 on a quiet machine; on one that does much else, several times that
pytestmark = pytest.mark.timeout(SECONDS + 20)
# Where, and what is written there by mistake.
MISTAKES = {
    "database": (
        ('EngineVersion: "17.11"', 'EngineVersion: "17.3"'),  # Aurora has no such version
        ("EnableIAMDatabaseAuthentication: true", "EnableIAMDatabaseAuthentication: false"),
    ),
    "logs": (("TimeoutInSeconds: 180", "TimeoutInSeconds: 60"),),  # Firehose takes no less
    "cluster": (("EncryptionConfig:", "Tags:"),),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The templates without the exceptions that they make, and beside them the broken ones.

    What production tells them stands in them: behind a `!Ref` a linter sees no value.
    """
    made = tmp_path_factory.mktemp("cloudformation")
    values = places.read("production", templates=read()).values
    for path in FOLDER.glob("*.yaml"):
        text = _told(path.read_text(), values=values)
        text = re.sub(r"(?m)^      checkov:\n(       +.*\n)+", "", text)
        (made / path.name).write_text(text)
        for was, now in MISTAKES.get(path.stem, ()):
            text = text.replace(was, now)
        if path.stem in MISTAKES:
            (made / f"broken-{path.name}").write_text(text)
    return made


def _told(text: str, *, values: Mapping[str, str]) -> str:
    head, _, body = text.partition("\nResources:\n")
    lists = re.findall(r"(\w+):\n    Description: [^\n]+\n    Type: CommaDelimitedList", head)

    def value(reference: re.Match[str]) -> str:
        known = reference[1] in values and reference[1] not in lists
        return json.dumps(values[reference[1]]) if known else reference[0]

    return f"{head}\nResources:\n" + re.sub(r"!Ref (\w+)", value, body)


@pytest.fixture(scope="module")
def linted(folder: Path) -> list[Mapping[str, Any]]:
    """What cfn-lint finds, warnings and all."""
    files = [str(path) for place in (FOLDER, folder) for path in sorted(place.glob("*.yaml"))]
    command = str(Path(sys.executable).with_name("cfn-lint"))
    said = _run([command, "--format", "json", "--regions", *REGIONS, "--", *files])
    return said if isinstance(said, list) else pytest.fail(f"cfn-lint: {said}")


@pytest.fixture(scope="module")
def checked(folder: Path) -> set[tuple[str, str]]:
    """What checkov finds: the resource, as `database/Cluster`, and the check.

    It has a lock of its own (infra/checkov): uv puts it there once, and keeps it.
    """
    uv = os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".uv/bin/uv")
    project = ("--frozen", "--project", str(ROOT / "infra/checkov"))
    options = ("--framework", "cloudformation", "--skip-download", "--output", "json")
    said = _run([uv, "run", "--quiet", *project, "checkov", *options, "--directory", str(folder)])
    return {
        (f"{Path(each['file_path']).stem}/{each['resource'].partition('.')[2]}", each["check_id"])
        for each in said["results"]["failed_checks"]
    }


def _run(command: list[str]) -> Any:  # noqa: ANN401 — JSON
    own = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    done = subprocess.run(
        command, env=own, check=False, capture_output=True, text=True, timeout=SECONDS
    )
    try:
        return json.loads(done.stdout)
    except ValueError:
        pytest.fail(f"{command[0]} said no JSON: {done.stdout[:500]} {done.stderr}")


def test_cfn_lint_finds_nothing(linted: list[Mapping[str, Any]]) -> None:
    """No error, no warning, no hint, by the schemas of two regions; with our values neither."""
    ours = [each for each in linted if "broken-" not in each["Filename"]]
    # A parameter whose value was put in its place is not used any more: there, and nowhere else.
    told = [each for each in ours if str(FOLDER) not in each["Filename"]]
    expected = [each for each in told if each["Rule"]["Id"] == "W2001"]

    assert [each for each in ours if each not in expected] == []


def test_cfn_lint_would_find_something(linted: list[Mapping[str, Any]]) -> None:
    """A version that Aurora has not, and a time-out that Firehose refuses: both are named."""
    found = " ".join(each["Message"] for each in linted)

    assert "17.3" in found
    assert "60 is less than the minimum of 180" in found


def test_checkov_finds_what_is_excepted_and_nothing_else(
    checked: set[tuple[str, str]], templates: dict[str, Template]
) -> None:
    """Each check that fails has its exception in the template; each exception fails without it."""
    excepted = {
        (path, skip["id"])
        for path, resource in resources(templates)
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", ())
    }

    assert {each for each in checked if not each[0].startswith("broken-")} == excepted


def test_every_exception_has_its_reason(templates: dict[str, Template]) -> None:
    """A sentence, beside the resource it is about."""
    short = [
        path
        for path, resource in resources(templates)
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", ())
        if len(skip["comment"].split()) < 6
    ]

    assert short == []


def test_checkov_would_find_something(checked: set[tuple[str, str]]) -> None:
    """Secrets in clear, a database that people enter without names of their own: both are named."""
    wanted = {("broken-cluster/Cluster", "CKV_AWS_58"), ("broken-database/Cluster", "CKV_AWS_162")}

    assert wanted <= checked
