import asyncio
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bukken_local import binaries
from bukken_local.endpoint import Address
from bukken_local.postgres import Cluster
from bukken_local.postgres_home import PostgresDidNotStartError
from bukken_local.processes import until

MakeCluster = Callable[[], Cluster]
Outcome = tuple[Any, ...] | None


@pytest.fixture(scope="module")
def _module_cluster(make_cluster: MakeCluster) -> Cluster:
    return make_cluster()


@pytest.fixture
def cluster(_module_cluster: Cluster) -> Iterator[Cluster]:
    """A running cluster of these tests alone; what a test broke is mended before the next one."""
    asyncio.run(_module_cluster.start())
    yield _module_cluster
    asyncio.run(_module_cluster.start())


async def _ask(cluster: Cluster, query: str, *, at: Address | None = None) -> Outcome:
    async with cluster.master(at or cluster.primary) as master:
        answer = await master.execute(query.encode())
        return await answer.fetchone() if answer.description else None


def ask(cluster: Cluster, query: str, *, at: Address | None = None) -> Outcome:
    """The first row of the answer of the primary, or of another server."""
    return asyncio.run(_ask(cluster, query, at=at))


def settle(condition: Callable[[], Awaitable[bool]], *, what: str) -> None:
    """Wait until it is so."""
    asyncio.run(until(condition, seconds=30, what=what))


def until_standby_has(cluster: Cluster, table: str) -> None:
    """Wait until the table made on the primary is on the standby, too."""

    async def arrived() -> bool:
        query = f"SELECT to_regclass('{table}') IS NOT NULL"
        return await _ask(cluster, query, at=cluster.standby) == (True,)

    settle(arrived, what=f"the standby has the table {table}")


def directory_of(cluster: Cluster) -> Path:
    """Where it keeps its data."""
    return cluster.children["instance-1"].log.parents[1]


def test_commits_wait_for_the_storage_and_for_nothing_else(cluster: Cluster) -> None:
    """The storage is the one synchronous standby, the reader follows behind."""
    followers = "SELECT json_object_agg(application_name, sync_state) FROM pg_stat_replication"

    assert ask(cluster, followers) == ({"storage": "sync", "reader": "async"},)


def test_a_commit_reaches_the_standby(cluster: Cluster) -> None:
    """What is written on the primary is soon read from the standby."""
    ask(cluster, "CREATE TABLE seen (x int)")

    until_standby_has(cluster, "seen")


def test_the_standby_refuses_writes(cluster: Cluster) -> None:
    """It is a reader."""
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        ask(cluster, "CREATE TABLE refused (x int)", at=cluster.standby)


def test_an_acknowledged_row_is_in_the_storage_when_the_primary_is_killed(
    cluster: Cluster, public_directory: Path, tmp_path: Path
) -> None:
    """Before a commit is acknowledged, the storage has its WAL on disk, reader or no reader."""
    ask(cluster, "CREATE TABLE kept (x text)")
    asyncio.run(cluster.children["instance-2"].stop(grace_seconds=10))
    file_of_it = ask(cluster, "SELECT pg_relation_filenode('kept')::text")
    before = ask(cluster, "SELECT pg_current_wal_insert_lsn()::text")
    assert file_of_it
    assert before
    ask(cluster, "INSERT INTO kept SELECT generate_series(1, 1000)")
    os.kill(cluster.children["instance-1"].pid, signal.SIGKILL)

    for part in (directory_of(cluster) / "storage").iterdir():
        shutil.copy(part, tmp_path / part.name.removesuffix(".partial"))
    pg_waldump = binaries.postgres_programs(public_directory) / "pg_waldump"
    records = subprocess.run(
        [pg_waldump, "-p", tmp_path, "--start", before[0], "--rmgr", "Heap"],
        capture_output=True,
        text=True,
        check=False,  # it ends with an error where the WAL does
    ).stdout
    assert len(re.findall(rf"INSERT.*/{file_of_it[0]} ", records)) == 1000


def test_a_stopped_standby_does_not_make_writes_hang(cluster: Cluster) -> None:
    """Aurora's writer does not wait for its readers either."""
    asyncio.run(cluster.children["instance-2"].stop(grace_seconds=10))

    ask(cluster, "SET statement_timeout = '3s'; CREATE TABLE alone (x int)")

    assert ask(cluster, "SELECT to_regclass('alone')::text") == ("alone",)


def test_without_the_storage_nothing_is_acknowledged(cluster: Cluster) -> None:
    """The negative control: a commit that the storage cannot have waits."""
    asyncio.run(cluster.children["storage"].stop(grace_seconds=10))

    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(_ask(cluster, "CREATE TABLE waiting (x int)"), timeout=0.5))


def test_stop_does_not_hang_on_a_commit_that_waits(cluster: Cluster) -> None:
    """A session that waits for a storage which is gone is ended with the primary."""

    async def stop() -> None:
        await cluster.children["storage"].stop(grace_seconds=10)
        waiting = asyncio.create_task(_ask(cluster, "CREATE TABLE hangs (x int)"))

        async def waits() -> bool:
            query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            return await _ask(cluster, query) == (1,)

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


def test_start_leaves_running_what_runs(cluster: Cluster) -> None:
    """Started twice is started once."""
    before = {name: child.pid for name, child in cluster.children.items()}

    asyncio.run(cluster.start())

    assert {name: child.pid for name, child in cluster.children.items()} == before
    assert set(before) == {"instance-1", "storage", "instance-2"}


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


def test_every_database_is_utf8_and_c_utf8(cluster: Cluster) -> None:
    """In another locale Japanese text is split and compared otherwise, without an error."""
    kinds = (
        "SELECT array_agg(DISTINCT concat_ws(' ', pg_encoding_to_char(encoding), datlocprovider,"
        " datcollate, datctype)) FROM pg_database"
    )

    assert ask(cluster, kinds) == (["UTF8 c C.UTF-8 C.UTF-8"],)


def test_it_listens_on_the_loopback_and_with_a_password_alone(cluster: Cluster) -> None:
    """No socket file, no other address, and nobody is trusted for where they come from."""
    assert ask(cluster, "SHOW unix_socket_directories") == ("",)
    assert ask(cluster, "SHOW listen_addresses") == ("127.0.0.1",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(
            host=cluster.primary.host,
            port=cluster.primary.port,
            user="bukken_master",
            password="wrong",
            dbname="postgres",
        )


def test_no_value_of_a_failed_statement_is_logged(cluster: Cluster) -> None:
    """The log names what failed; whose data it was is nobody's business."""
    ask(cluster, "CREATE TABLE private (x text CHECK (x = ''))")

    async def fail() -> None:
        async with cluster.master(cluster.primary) as master:
            await master.execute("INSERT INTO private VALUES (%s)", ["Sazae-san"])

    with pytest.raises(psycopg.errors.CheckViolation):
        asyncio.run(fail())

    log = cluster.children["instance-1"].log.read_text()
    assert "violates check constraint" in log
    assert "Sazae" not in log


def test_secrets_are_for_their_owner_alone(cluster: Cluster) -> None:
    """Neither files nor arguments, which everybody reads, give the password away."""
    files = [directory_of(cluster) / name for name in ("password", "passfile")]
    arguments = [Path(f"/proc/{c.pid}/cmdline").read_text() for c in cluster.children.values()]

    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert not any(cluster.password in argument for argument in arguments)


def test_it_runs_as_who_it_should(cluster: Cluster) -> None:
    """PostgreSQL never runs as root, and for anybody else as they are."""
    user = binaries.postgres_user()
    expected = user.uid if user else os.getuid()

    owners = {Path(f"/proc/{child.pid}").stat().st_uid for child in cluster.children.values()}
    data = directory_of(cluster) / "instance-1"

    assert {*owners, data.stat().st_uid} == {expected}


def test_a_follower_that_is_away_cannot_fill_the_disk(cluster: Cluster) -> None:
    """What is kept for it has a limit."""
    limit = "SELECT setting::int FROM pg_settings WHERE name = 'max_slot_wal_keep_size'"

    for address in (cluster.primary, cluster.standby):
        assert ask(cluster, limit, at=address) == (256,)


def test_the_storage_forgets_what_no_failover_needs(cluster: Cluster) -> None:
    """The storage's files are cleaned by the standby, as far as it has come."""
    storage = directory_of(cluster) / "storage"
    ask(cluster, "SELECT pg_switch_wal()")
    ask(cluster, "CREATE TABLE IF NOT EXISTS filler (x int)")
    first = min(path.name for path in storage.iterdir())

    async def cleaned() -> bool:
        await _ask(cluster, "CREATE TEMP TABLE t AS SELECT 1; SELECT pg_switch_wal()")
        await _ask(cluster, "CHECKPOINT")
        await _ask(cluster, "CHECKPOINT", at=cluster.standby)
        return not (storage / first).exists()

    settle(cleaned, what="the oldest file of the storage is removed")


def test_a_tests_database_says_that_it_is_one(
    cluster: Cluster, refuse_unless_test_database: Callable[[Address, str], None]
) -> None:
    """Tests ask the server itself, and so refuse the one of `make run`."""
    refuse_unless_test_database(cluster.primary, cluster.password)
    ask(cluster, "ALTER ROLE bukken_master SET bukken.purpose = 'local'")

    with pytest.raises(pytest.exit.Exception, match="is not a test's"):
        refuse_unless_test_database(cluster.primary, cluster.password)
    ask(cluster, "ALTER ROLE bukken_master RESET bukken.purpose")
