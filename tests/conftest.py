"""What tests of every part need."""

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import properties
import pytest
from free_ports import free_port

from bukken_local.database.endpoint import Address

pytest_plugins = ["alone", "running_compose", "chosen_servers", "migrated_database", "feeding"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--place=compose` runs tests/system on containers instead of on processes.

    `--fuzzing-examples=N` has the fuzzer make up to N random cases for each call, HEAD included.
    """
    parser.addoption("--place", choices=("local", "compose"), default="local")
    parser.addoption("--inquiries", type=int, default=300, help="for each proof that sends many")
    parser.addoption("--fuzzing-examples", type=int)


def pytest_configure() -> None:
    """Property tests find the same each time, unless `--hypothesis-profile` says otherwise."""
    properties.register()


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """A service configures the process's logging; the next test shall not write to its stream."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def _free_address() -> Address:
    return Address("127.0.0.1", free_port())


@pytest.fixture(scope="session")
def free_address() -> Callable[[], Address]:
    """A function that gives an address nobody listens on."""
    return _free_address


@pytest.fixture(scope="session")
def public_directory() -> Iterator[Path]:
    """A directory that any user may enter; pytest's own are closed to who PostgreSQL runs as."""
    directory = Path(tempfile.mkdtemp(prefix="bukken-test-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)
