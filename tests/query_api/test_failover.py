"""The primary is lost: who follows the feed by the reader endpoint misses nothing, or is told."""

import asyncio
from collections.abc import Callable, Iterator
from signal import SIGQUIT

import pytest
from feed_writers import Writers
from flask.testing import FlaskClient
from following import (
    Follower,
    StartSequencer,
    begins_again,
    followed,
    following,
    is_complete,
    table_of,
    until_all_is_numbered,
    write,
)
from migrated_database import PASSWORDS, MigratedDatabase
from running_service import forwarded
from waiting import wait_until

from bukken_local.database.cluster import Cluster
from bukken_local.database.endpoint import Address

ClientOf = Callable[..., FlaskClient]


@pytest.fixture
def cluster(make_cluster: Callable[[], Cluster]) -> Iterator[Cluster]:
    """A running one, for one test alone."""
    made = make_cluster()
    asyncio.run(made.start())
    yield made
    asyncio.run(made.stop())


@pytest.fixture
def behind_endpoints(
    cluster: Cluster, free_address: Callable[[], Address]
) -> Iterator[MigratedDatabase]:
    """The platform's database, reached as on AWS: by endpoints that follow the roles."""
    writer, reader = free_address(), free_address()
    with (
        forwarded(writer, to=lambda: cluster.primary),
        forwarded(reader, to=lambda: cluster.standby),
    ):
        made = MigratedDatabase(primary=writer, standby=reader, master_password=cluster.password)
        made.bootstrap(passwords=PASSWORDS)
        made.migrate()
        yield made


def test_a_failover_is_nothing_to_who_follows(
    cluster: Cluster,
    behind_endpoints: MigratedDatabase,
    client_of: ClientOf,
    start_sequencer: StartSequencer,
) -> None:
    """While writers write: the same feed, every number, each with its meaning; nobody restarts."""
    partner = Follower(client_of(behind_endpoints, standby=True))
    writers = Writers(behind_endpoints, seed=11)
    start_sequencer(behind_endpoints)
    start_sequencer(behind_endpoints)
    with following(partner, seconds=30), writers.writing(threads=4):
        wait_until(lambda: len(partner.numbers) > 200, what="the follower follows")
        feed_id, before = partner.feed_id, writers.committed

        asyncio.run(cluster.fail_over())

        at_failover = len(partner.numbers)
        wait_until(lambda: writers.committed > before + 200, what="writers write on")
        wait_until(lambda: len(partner.numbers) > at_failover + 200, what="the feed goes on")
    with behind_endpoints.connect("bukken_writer") as writer:
        writer.autocommit = True
        there = until_all_is_numbered(writer)
    with following(partner, seconds=30):
        wait_until(lambda: partner.after == there[-1].sequence, what="the follower has the last")

    assert partner.feed_id == feed_id
    assert partner.events == [(event.sequence, event.key) for event in there]
    assert partner.copy == table_of(behind_endpoints)


def test_a_failover_that_lost_rows_and_no_number_is_another_feed(
    cluster: Cluster, behind_endpoints: MigratedDatabase, client_of: ClientOf
) -> None:
    """The standby lacks a row that nobody had numbered, and that no living process remembers."""
    write(behind_endpoints, "a", "b")
    client = client_of(behind_endpoints)
    follower = followed(client)
    wait_until(
        lambda: followed(client_of(behind_endpoints, standby=True)).after == follower.after,
        what="the standby has what the follower has",
    )
    asyncio.run(cluster.children["instance-2"].stop(term_signal=SIGQUIT, grace_seconds=10))
    write(behind_endpoints, "lost", numbered=False)

    asyncio.run(cluster.fail_over(with_storage=False))
    write(behind_endpoints, "c")

    assert "lost" not in table_of(behind_endpoints)
    assert begins_again(client, follower)
    assert is_complete(client, behind_endpoints)
