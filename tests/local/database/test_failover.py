"""What becomes of acknowledged rows when the primary is lost and its standby takes its place."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from asked_cluster import ask, directory_of, until_standby_has

from bukken_local.database.cluster import Cluster
from bukken_local.processes import binaries

ROWS = "SELECT count(*) FROM kept"
TIMELINE = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)"


@pytest.fixture
def cluster(make_cluster: Callable[[], Cluster]) -> Cluster:
    """A running cluster of one test alone."""
    made = make_cluster()
    asyncio.run(made.start())
    ask(made, "CREATE TABLE kept (x int)")
    until_standby_has(made, "kept")
    return made


def write_without_the_standby(cluster: Cluster) -> None:
    """Rows that the storage has and the standby has not."""
    asyncio.run(cluster.children["instance-2"].stop(grace_seconds=10))
    ask(cluster, "INSERT INTO kept SELECT generate_series(1, 1000)")


def test_the_standby_takes_its_place_with_all_that_was_acknowledged(cluster: Cluster) -> None:
    """It was away when the rows were written; the storage had them. Roles change place, twice."""
    first = (cluster.primary, cluster.standby)
    write_without_the_standby(cluster)

    asyncio.run(cluster.fail_over())

    assert (cluster.standby, cluster.primary) == first
    assert ask(cluster, ROWS) == (1000,)
    promised = ask(cluster, "SELECT current_setting('bukken.nothing_lost_between')")
    assert (promised, ask(cluster, TIMELINE)) == (("00000001 00000002",), ("00000002",))

    ask(cluster, "INSERT INTO kept VALUES (0)")
    asyncio.run(cluster.fail_over())

    assert ((cluster.primary, cluster.standby), ask(cluster, ROWS)) == (first, (1001,))


def test_without_the_storage_they_are_lost(cluster: Cluster) -> None:
    """The negative control, and nobody promises anything."""
    write_without_the_standby(cluster)

    asyncio.run(cluster.fail_over(with_storage=False))

    assert ask(cluster, ROWS) == (0,)
    assert ask(cluster, "SELECT current_setting('bukken.nothing_lost_between', true)") == (None,)


def test_the_second_time_nothing_is_lost_either(cluster: Cluster) -> None:
    """WAL has another timeline then: looked for in the first one's files, it was not found."""
    asyncio.run(cluster.fail_over())
    asyncio.run(cluster.children["instance-1"].stop(grace_seconds=10))
    ask(cluster, "INSERT INTO kept SELECT generate_series(1, 1000)")

    asyncio.run(cluster.fail_over())

    assert ask(cluster, ROWS) == (1000,)


def test_who_keeps_it_up_does_not_interfere(cluster: Cluster) -> None:
    """`start`, asked again and again, neither brings the lost primary back nor fails."""
    former = cluster.primary

    async def fail_over_while_it_is_kept_up() -> None:
        failing = asyncio.create_task(cluster.fail_over())
        while not failing.done():
            await asyncio.sleep(0.02)
            await cluster.start()
        await failing

    asyncio.run(fail_over_while_it_is_kept_up())

    assert (cluster.standby, ask(cluster, TIMELINE)) == (former, ("00000002",))


def test_readers_are_led_to_the_writer_while_there_is_no_other(cluster: Cluster) -> None:
    """As Aurora's reader endpoint leads; before and after, to the standby."""
    led_to_writer = [cluster.reader == cluster.primary]

    async def fail_over() -> None:
        failing = asyncio.create_task(cluster.fail_over())
        while not failing.done():
            await asyncio.sleep(0)
            led_to_writer.append(cluster.reader == cluster.primary)

    asyncio.run(fail_over())

    assert (led_to_writer[0], True in led_to_writer, led_to_writer[-1]) == (False, True, False)


def test_who_starts_it_again_knows_who_is_the_primary(
    cluster: Cluster, public_directory: Path
) -> None:
    """Else the old primary's data, copied anew since, would be served as a primary's."""
    directory = directory_of(cluster)
    ask(cluster, "INSERT INTO kept VALUES (1)")
    asyncio.run(cluster.fail_over())
    asyncio.run(cluster.stop())
    again = Cluster(
        directory,
        programs=binaries.postgres_programs(public_directory),
        user=binaries.postgres_user(),
        primary=cluster.standby,
        standby=cluster.primary,
        purpose="test",
        say=print,
    )

    asyncio.run(again.start())
    found = (again.primary, ask(again, ROWS))
    asyncio.run(again.stop())

    assert found == (cluster.primary, (1,))
