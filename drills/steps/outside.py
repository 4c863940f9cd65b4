"""What happens to those that the platform depends on: the back end, the issuer, DNS."""

import asyncio

import httpx

from drills.stage import Stage
from drills.steps.doing import Doing


class BackEnd(Doing, frozen=True, tag="back-end"):
    """The back end does something for some seconds, and then serves."""

    does: str
    seconds: float

    async def __call__(self, stage: Stage) -> None:
        """Waits until it serves again."""
        phases = [{"does": self.does, "seconds": self.seconds}]
        url = f"{stage.platform.back_end_control_url}/behaviour"
        async with httpx.AsyncClient(trust_env=False) as client:
            (await client.put(url, json=phases)).raise_for_status()
        await asyncio.sleep(self.seconds)
