import asyncio
import os
import stat
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from asked_cluster import ask, directory_of

from bukken_local.database.cluster import Cluster
from bukken_local.database.endpoint import Address
from bukken_local.processes import binaries


async def divide_by_zero(cluster: Cluster) -> None:
    """A statement that fails while it is executed, with a parameter."""
    async with cluster.master(cluster.primary) as master:
        await master.execute("SELECT 1 / length(%s)", [""])


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


def test_no_parameter_of_a_logged_statement_is_logged(cluster: Cluster) -> None:
    """Who wants statements in the log, at length, sees which, not whose data they carry."""

    async def be_logged() -> None:
        async with cluster.master(cluster.primary) as master:
            await master.execute("SET log_min_duration_statement = 0")
            await master.execute("SET log_error_verbosity = 'default'")
            await master.execute("SELECT length(%s) AS logged", ["Katsuo-kun"])

    asyncio.run(be_logged())

    log = cluster.children["instance-1"].log.read_text()
    assert "SELECT length($1) AS logged" in log
    assert "Katsuo" not in log


def test_no_parameter_of_a_failed_statement_is_told(cluster: Cluster) -> None:
    """A program that prints the error it got prints nobody's data."""
    with pytest.raises(psycopg.errors.DivisionByZero) as failed:
        asyncio.run(divide_by_zero(cluster))

    assert failed.value.diag.context is None


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


def test_a_tests_database_says_that_it_is_one(
    cluster: Cluster, refuse_unless_test_database: Callable[[Address, str], None]
) -> None:
    """Tests ask the server itself, and so refuse the one of `make run`."""
    refuse_unless_test_database(cluster.primary, cluster.password)
    ask(cluster, "ALTER ROLE bukken_master SET bukken.purpose = 'local'")

    with pytest.raises(pytest.exit.Exception, match="is not a test's"):
        refuse_unless_test_database(cluster.primary, cluster.password)
    ask(cluster, "ALTER ROLE bukken_master RESET bukken.purpose")
