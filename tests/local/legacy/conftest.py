"""What the tests of the back end's stand-in share."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

RealFile = Callable[[str], Path]


@pytest.fixture
def real_file() -> RealFile:
    """A function that finds a publisher's whole file by its name, or skips the test.

    They are in the folder that `BUKKEN_DATA` names; CONTRIBUTING.md says which.
    """

    def find(name: str) -> Path:
        if not (folder := os.environ.get("BUKKEN_DATA")):
            pytest.skip(f"BUKKEN_DATA names no folder with {name}")
        if not (file := Path(folder) / name).exists():
            pytest.skip(f"{name} is not in BUKKEN_DATA, {folder}")
        return file

    return find
