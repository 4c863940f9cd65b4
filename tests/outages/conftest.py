"""An exchange of these tests' own, since they harm it."""

from collections.abc import Callable, Iterator

import pytest
from staged_outage import Exchange, made_exchange

from bukken_local.database.cluster import Cluster
from bukken_local.database.endpoint import Address


@pytest.fixture(scope="module")
def exchange(
    make_cluster: Callable[[], Cluster],
    free_address: Callable[[], Address],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Exchange]:
    """Both services, serving; who harms the database mends it."""
    cluster = make_cluster()
    directory = tmp_path_factory.mktemp("exchange")
    made = made_exchange(cluster, free_address=free_address, directory=directory)
    made.start(free_address, logs=directory)
    yield made
    made.stop()
