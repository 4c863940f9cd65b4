import asyncio
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest
from asked_cluster import answer_of, ask, directory_of, settle, until_standby_has

from bukken_local.database.cluster import Cluster
from bukken_local.processes import binaries


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
        asyncio.run(
            asyncio.wait_for(answer_of(cluster, "CREATE TABLE waiting (x int)"), timeout=0.5)
        )


def test_the_storage_forgets_what_no_failover_needs(cluster: Cluster) -> None:
    """The storage's files are cleaned by the standby, as far as it has come."""
    storage = directory_of(cluster) / "storage"
    ask(cluster, "SELECT pg_switch_wal()")
    ask(cluster, "CREATE TABLE IF NOT EXISTS filler (x int)")
    first = min(path.name for path in storage.iterdir())

    async def cleaned() -> bool:
        await answer_of(cluster, "CREATE TEMP TABLE t AS SELECT 1; SELECT pg_switch_wal()")
        await answer_of(cluster, "CHECKPOINT")
        await answer_of(cluster, "CHECKPOINT", at=cluster.standby)
        return not (storage / first).exists()

    settle(cleaned, what="the oldest file of the storage is removed")
