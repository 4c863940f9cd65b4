"""What tests of every part need: a real database that is a test's own."""

import asyncio
import logging
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from bukken_local import binaries
from bukken_local.endpoint import Address
from bukken_local.postgres import Cluster

pytest_plugins = ["migrated_database", "running_compose"]

MakeCluster = Callable[[], Cluster]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--place=compose` runs tests/system on containers instead of on processes."""
    parser.addoption("--place", choices=("local", "compose"), default="local")


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """A service configures the process's logging; the next test shall not write to its stream."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def _free_address() -> Address:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return Address(*server.getsockname())


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


@pytest.fixture(scope="session")
def make_cluster(public_directory: Path) -> Iterator[MakeCluster]:
    """A function that makes a cluster, not started; it is stopped when the session ends."""
    programs = binaries.postgres_programs(public_directory)
    made: list[Cluster] = []

    def make() -> Cluster:
        cluster = Cluster(
            public_directory / f"cluster-{len(made)}",
            programs=programs,
            user=binaries.postgres_user(),
            primary=_free_address(),
            standby=_free_address(),
            purpose="test",
            say=print,
        )
        made.append(cluster)
        return cluster

    yield make
    for cluster in made:
        asyncio.run(cluster.stop())


@pytest.fixture(scope="session")
def postgres_cluster(
    make_cluster: MakeCluster, refuse_unless_test_database: Callable[[Address, str], None]
) -> Cluster:
    """A running primary, storage and standby, one for all tests of the session."""
    cluster = make_cluster()
    asyncio.run(cluster.start())
    for address in (cluster.primary, cluster.standby):
        refuse_unless_test_database(address, cluster.password)
    return cluster


@pytest.fixture(scope="session")
def refuse_unless_test_database() -> Callable[[Address, str], None]:
    """A function that ends the tests rather than let them loose on data somebody wants to keep."""

    def refuse(address: Address, password: str) -> None:
        with psycopg.connect(
            host=address.host,
            port=address.port,
            user="bukken_master",
            password=password,
            dbname="postgres",
        ) as master:
            row = master.execute("SELECT current_setting('bukken.purpose', true)").fetchone()
        if row != ("test",):
            pytest.exit(f"the database at {address} is not a test's", returncode=1)

    return refuse
