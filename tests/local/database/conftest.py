"""What the tests of the database share."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from bukken_local.database.cluster import Cluster

MakeCluster = Callable[[], Cluster]


@pytest.fixture(scope="module")
def _module_cluster(make_cluster: MakeCluster) -> Cluster:
    return make_cluster()


@pytest.fixture
def cluster(_module_cluster: Cluster) -> Iterator[Cluster]:
    """A running cluster of these tests alone; what a test broke is mended before the next one."""
    asyncio.run(_module_cluster.start())
    yield _module_cluster
    asyncio.run(_module_cluster.start())
