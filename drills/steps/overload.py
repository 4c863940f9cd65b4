"""What comes in when more comes in than can be answered."""

import asyncio
import signal
import time
from itertools import count

import httpx

from bukken_local.issuer import tokens
from drills.load import read_path
from drills.stage import Stage
from drills.steps.doing import Doing


class Capacity(Doing, frozen=True, tag="capacity"):
    """Measures how many reads a second are answered when there is always one waiting.

    Marks `capacity`: what so many clients get that each ask again when they have their answer.
    """

    clients: int
    seconds: float = 4
    warm_seconds: float = 2

    async def __call__(self, stage: Stage) -> None:
        """Waits until all have had their last answer."""
        described = stage.platform.description()
        token = await asyncio.to_thread(tokens.fetch, described, scopes=["listings.read"])
        limits = httpx.Limits(max_connections=self.clients)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(
            base_url=stage.platform.url, limits=limits, headers=headers, trust_env=False, timeout=20
        ) as client:
            since = time.monotonic() + self.warm_seconds
            asking = (
                _answered(client, since=since, until=since + self.seconds)
                for _ in range(self.clients)
            )
            stage.marks["capacity"] = sum(await asyncio.gather(*asking)) / self.seconds


async def _answered(client: httpx.AsyncClient, *, since: float, until: float) -> int:
    """How many were, between the two."""
    good = 0
    for number in count():
        answer = await client.get(read_path(number))
        now = time.monotonic()
        if now > until:
            break
        good += answer.is_success and now > since
    return good


class Surge(Doing, frozen=True, tag="surge"):
    """The load's `surge` comes on top of what comes anyway."""

    seconds: float

    async def __call__(self, stage: Stage) -> None:
        """Waits until it is over; what it has asked for may still be under way."""
        load = stage.load
        assert load  # noqa: S101 — a step is played while the load is sent
        load.send_signal(signal.SIGUSR1)
        await asyncio.sleep(self.seconds)
        load.send_signal(signal.SIGUSR2)
