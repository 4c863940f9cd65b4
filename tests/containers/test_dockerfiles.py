"""What the Dockerfiles promise by their lines alone; no engine is asked."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND, QUERY = (ROOT / "services" / side / "Dockerfile" for side in ("command-api", "query-api"))
FILES = (COMMAND, QUERY, ROOT / "local/Dockerfile")
ONLY_COMMANDS = {"COPY database/alembic.ini .", "COPY database/migrations migrations"}


def lines_of(file: Path) -> list[str]:
    """A Dockerfile's instructions, without comments and without what describes the image."""
    lines = file.read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#") and "descrip" not in line]


def test_the_two_differ_in_names_and_in_migrations_alone() -> None:
    """What is right for one side's image is right for the other's."""
    command = [line for line in lines_of(COMMAND) if line not in ONLY_COMMANDS]
    renamed = [
        line.replace("command-api", "query-api").replace("command_api", "query_api")
        for line in command
    ]

    assert renamed == lines_of(QUERY)
    assert set(lines_of(COMMAND)) >= ONLY_COMMANDS


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_it_is_built_by_the_makefiles_uv(file: Path) -> None:
    """Images and machines take what the lock file names by the same program."""
    version = re.findall(r"^UV_VERSION := (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert re.findall(r"uv==(\S+)", file.read_text()) == version


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_it_runs_as_a_number_that_is_not_root(file: Path) -> None:
    """Kubernetes refuses to guess whether a name is root's."""
    assert re.findall(r"^USER (.*)", file.read_text(), re.MULTILINE) == ["65532:65532"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_no_frontend_is_asked_of_a_registry(file: Path) -> None:
    """A `syntax` line makes each build ask a registry first."""
    assert not re.search(r"^#\s*syntax\s*=", file.read_text(), re.MULTILINE)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_hadolint_finds_nothing(file: Path) -> None:
    """The Dockerfiles keep to what is known to be good practice."""
    hadolint = Path(sys.executable).with_name("hadolint")
    found = subprocess.run([hadolint, file], capture_output=True, text=True, check=False)

    assert (found.returncode, found.stdout) == (0, "")
