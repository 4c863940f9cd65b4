"""What becomes of a standby that hangs for longer than the primary keeps WAL for it."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asked_cluster import answer_of, ask

from bukken_local.database.cluster import Cluster

CHECKPOINT_SECONDS = 30  # 10 s until the kernel gives a frozen standby up, and the disk
# Twice what is kept for a standby, at once: before the primary has noticed that it hangs.
MORE_THAN_IS_KEPT = """DO $$ BEGIN FOR i IN 1..600 LOOP
    PERFORM pg_logical_emit_message(false, '', repeat('x', 1000000));
END LOOP; END $$"""
STATUS_OF_THE_SLOT = "SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'reader'"


@contextmanager
def frozen_standby(cluster: Cluster) -> Iterator[None]:
    """The standby's processes are stopped as `docker pause` stops a container's."""
    postmaster = cluster.children["instance-2"].pid
    workers = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    processes = [postmaster, *map(int, workers)]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


async def checkpoint(cluster: Cluster) -> None:
    """Waits until the primary has made one."""
    async with asyncio.timeout(CHECKPOINT_SECONDS):
        await answer_of(cluster, "CHECKPOINT")


def test_a_hanging_standby_stops_no_checkpoint(cluster: Cluster) -> None:
    """Without checkpoints WAL would fill the disk: who holds them up is given up."""
    with frozen_standby(cluster):
        ask(cluster, MORE_THAN_IS_KEPT)
        asyncio.run(checkpoint(cluster))

        assert ask(cluster, STATUS_OF_THE_SLOT) == ("lost",)
