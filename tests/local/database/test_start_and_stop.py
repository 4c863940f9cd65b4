import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from typing import Literal

import pytest
from asked_cluster import answer_of, ask, directory_of, until_standby_has

from bukken_local.database.cluster import Cluster
from bukken_local.database.home import PostgresDidNotStartError
from bukken_local.processes import binaries
from bukken_local.processes.waiting import until

MakeCluster = Callable[[], Cluster]


def test_stop_does_not_hang_on_a_commit_that_waits(cluster: Cluster) -> None:
    """A session that waits for a storage which is gone is ended with the primary."""

    async def stop() -> None:
        await cluster.children["storage"].stop(grace_seconds=10)
        waiting = asyncio.create_task(answer_of(cluster, "CREATE TABLE hangs (x int)"))

        async def waits() -> bool:
            query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            return await answer_of(cluster, query) == (1,)

        await until(waits, seconds=5, what="the commit waits for the storage")
        async with asyncio.timeout(5):
            await cluster.stop()
        await asyncio.gather(waiting, return_exceptions=True)

    asyncio.run(stop())

    assert cluster.children == {}


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_data_survive_a_restart(cluster: Cluster, how: str) -> None:
    """A second start finds what the first one wrote, however that ended, and streams again."""
    ask(cluster, f"CREATE TABLE {how} (x int)")
    if how == "killed":
        killed = list(cluster.children.values())
        for child in killed:
            os.kill(child.pid, signal.SIGKILL)
        ended = lambda: not any(child.running for child in killed)  # noqa: E731 — a name for the wait
        asyncio.run(until(ended, seconds=30, what="all have ended"))
    else:
        asyncio.run(cluster.stop())

    asyncio.run(cluster.start())

    assert ask(cluster, f"SELECT to_regclass('{how}')::text") == (how,)
    until_standby_has(cluster, how)


def test_a_log_begins_with_its_run(cluster: Cluster) -> None:
    """The end of a log never tells of an earlier run, and logs do not grow for ever."""
    logs = directory_of(cluster) / "log"
    for _ in range(2):
        asyncio.run(cluster.stop())
        asyncio.run(cluster.start())

    for name in ("instance-1.log", "instance-1.previous"):
        assert (logs / name).read_text().count("starting PostgreSQL") == 1


def test_a_lock_file_of_a_killed_server_stops_nobody(cluster: Cluster) -> None:
    """The number in it may by now be that of another process of the same user."""
    directory = directory_of(cluster)
    asyncio.run(cluster.stop())
    user = binaries.postgres_user()
    lock = directory / "instance-1/postmaster.pid"
    other = subprocess.Popen(["/bin/sleep", "60"], user=user.uid if user else None)
    try:
        lock.write_text(f"{other.pid}\n")
        lock.chmod(0o644)
        asyncio.run(cluster.start())
    finally:
        other.kill()
        other.wait()

    assert ask(cluster, "SELECT 1") == (1,)


def test_start_leaves_running_what_runs(cluster: Cluster) -> None:
    """Started twice is started once."""
    before = {name: child.pid for name, child in cluster.children.items()}

    asyncio.run(cluster.start())

    assert {name: child.pid for name, child in cluster.children.items()} == before
    assert set(before) == {"instance-1", "storage", "instance-2"}


@pytest.mark.parametrize("role", ["primary", "standby"])
def test_one_server_is_restarted(cluster: Cluster, role: Literal["primary", "standby"]) -> None:
    """The other goes on; afterwards one follows the other again."""
    name, other = {"primary": (0, 1), "standby": (1, 0)}[role]
    former = [cluster.children[f"instance-{number}"].pid for number in (1, 2)]

    asyncio.run(cluster.restart(role, away_seconds=0))

    now = [cluster.children[f"instance-{number}"].pid for number in (1, 2)]
    assert (now[name] != former[name], now[other] == former[other]) == (True, True)
    ask(cluster, f"CREATE TABLE restarted_{role} (x int)")
    until_standby_has(cluster, f"restarted_{role}")


@pytest.mark.parametrize("damage", ["its slot is gone", "its data are damaged"])
def test_a_standby_that_cannot_follow_is_rebuilt(cluster: Cluster, damage: str) -> None:
    """A reader that was away for too long costs a copy and no thought."""
    asyncio.run(cluster.children["instance-2"].stop(grace_seconds=10))
    if damage == "its slot is gone":
        ask(cluster, "SELECT pg_drop_replication_slot('reader')")
    else:
        (directory_of(cluster) / "instance-2/global/pg_control").unlink()
    ask(cluster, "CREATE TABLE IF NOT EXISTS rebuilt (x int)")

    asyncio.run(cluster.start())

    until_standby_has(cluster, "rebuilt")


def test_a_half_made_database_is_made_anew(make_cluster: MakeCluster) -> None:
    """A first start that was killed leaves nothing that the second takes for a database."""
    cluster = make_cluster()

    async def kill_initdb() -> None:
        start = asyncio.create_task(cluster.start())
        await until(lambda: "initdb" in cluster.children, seconds=5, what="initdb runs")
        os.kill(cluster.children["initdb"].pid, signal.SIGKILL)
        await start

    with pytest.raises(PostgresDidNotStartError, match="initdb did not start: killed by SIGKILL"):
        asyncio.run(kill_initdb())
    asyncio.run(cluster.start())

    assert ask(cluster, "SELECT 1", at=cluster.standby) == (1,)
    asyncio.run(cluster.stop())


def test_an_address_that_is_taken_is_told_with_the_log(make_cluster: MakeCluster) -> None:
    """A start that fails says why, and leaves nothing running."""
    cluster = make_cluster()

    with (
        socket.create_server(cluster.primary),
        pytest.raises(PostgresDidNotStartError, match=r"instance-1 did not start(.|\n)*in use"),
    ):
        asyncio.run(cluster.start())

    assert cluster.children == {}


def test_a_primary_that_cannot_serve_its_followers_is_told_with_the_log(
    make_cluster: MakeCluster,
) -> None:
    """A server that is up and refuses what the start needs of it is named like one that is not."""
    cluster = make_cluster()
    asyncio.run(cluster.start())
    asyncio.run(cluster.children["instance-2"].stop(grace_seconds=10))
    ask(cluster, "SELECT pg_drop_replication_slot('reader')")
    ask(
        cluster, "SELECT pg_create_physical_replication_slot('s' || n) FROM generate_series(1, 9) n"
    )

    refused = r"instance-1 did not start: all replication slots are in use\n(.|\n)*LOG:"
    with pytest.raises(PostgresDidNotStartError, match=refused):
        asyncio.run(cluster.start())

    assert cluster.children == {}
