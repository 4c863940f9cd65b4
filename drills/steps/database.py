"""What happens to the database."""

import asyncio
import time

from bukken_local.processes.waiting import until
from drills.stage import Stage
from drills.steps.doing import Doing


class FailOver(Doing, frozen=True, tag="fail-over"):
    """The primary is lost; the standby takes its place. Marks `promoted`."""

    async def __call__(self, stage: Stage) -> None:
        """Waits until there is a standby again."""
        cluster = stage.platform.cluster
        former = cluster.primary
        failing = asyncio.create_task(cluster.fail_over())
        await until(
            lambda: cluster.primary != former or failing.done(), seconds=60, what="it is promoted"
        )
        stage.marks["promoted"] = time.monotonic()
        await failing
