"""The images can be built for both kinds of processor; here there is one, so files are asked."""

import itertools
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

ROOT = Path(__file__).parents[2]
IMAGES = {
    "command-api": "services/command-api",
    "query-api": "services/query-api",
    "bukken-local": "local",
}
PROCESSORS = ("x86_64", "aarch64")
GLIBC = 41  # 2.41, of python:3.13-slim's Debian
LOCKED: dict[str, dict[str, Any]] = {
    package["name"]: package
    for package in tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
}

Named = tuple[str, tuple[str, ...]]


def needed(root: str) -> set[str]:
    """What `uv sync --no-dev --package` takes from the lock; markers aside, so rather too much."""
    found: set[Named] = set()
    ahead: list[Named] = [(root, ())]
    while ahead:
        name, extras = one = ahead.pop()
        if one not in found:
            found.add(one)
            package = LOCKED[name]
            lists = [package.get("dependencies", [])]
            lists += [package["optional-dependencies"][extra] for extra in extras]
            ahead += [(d["name"], tuple(d.get("extra", ()))) for d in itertools.chain(*lists)]
    return {name for name, _ in found if "registry" in LOCKED[name]["source"]}


def tags_of(processor: str) -> Iterator[Tag]:
    """Which wheels Python 3.13 takes in the base image."""
    platforms = [f"manylinux_2_{minor}_{processor}" for minor in range(5, GLIBC + 1)]
    platforms += [f"manylinux2014_{processor}"]
    yield from cpython_tags((3, 13), ["cp313"], platforms)
    yield from compatible_tags((3, 13), "cp313", platforms)


@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("package", IMAGES)
def test_every_package_has_a_wheel_for_the_image(package: str, processor: str) -> None:
    """No image needs a compiler, whichever the processor: the lock has a wheel of each package."""
    tags = frozenset(tags_of(processor))
    without = {
        name
        for name in needed(package)
        if not any(
            parse_wheel_filename(wheel["url"].rpartition("/")[2])[3] & tags
            for wheel in LOCKED[name]["wheels"]
        )
    }

    assert len(needed(package)) > 5
    assert without == set()


@pytest.mark.parametrize("folder", IMAGES.values())
def test_no_file_names_a_processor(folder: str) -> None:
    """What a Dockerfile or docker-compose.yml says is right for both."""
    for file in (ROOT / folder / "Dockerfile", ROOT / "docker-compose.yml"):
        assert not re.search(r"amd64|x86_64|arm64|aarch64|platform[:=]", file.read_text())
