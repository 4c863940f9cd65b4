"""A cluster of PostgreSQL servers as a test asks them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bukken_local.database.cluster import Cluster
from bukken_local.database.endpoint import Address
from bukken_local.processes.waiting import until

Outcome = tuple[Any, ...] | None


async def answer_of(cluster: Cluster, query: str, *, at: Address | None = None) -> Outcome:
    """The first row of the answer of the primary, or of another server."""
    async with cluster.master(at or cluster.primary) as master:
        answer = await master.execute(query.encode())
        return await answer.fetchone() if answer.description else None


def ask(cluster: Cluster, query: str, *, at: Address | None = None) -> Outcome:
    """The same, for a test that waits for nothing else."""
    return asyncio.run(answer_of(cluster, query, at=at))


def settle(condition: Callable[[], Awaitable[bool]], *, what: str) -> None:
    """Wait until it is so."""
    asyncio.run(until(condition, seconds=30, what=what))


def until_standby_has(cluster: Cluster, table: str) -> None:
    """Wait until the table made on the primary is on the standby, too."""

    async def arrived() -> bool:
        query = f"SELECT to_regclass('{table}') IS NOT NULL"
        return await answer_of(cluster, query, at=cluster.standby) == (True,)

    settle(arrived, what=f"the standby has the table {table}")


def directory_of(cluster: Cluster) -> Path:
    """Where it keeps its data."""
    return cluster.children["instance-1"].log.parents[1]
