"""Live: the event loop turns. Ready: a database we can work with was seen once (architecture § 5).

Never unready again: an outage of the database would take every Pod out at once, and requests get
a quick 503 anyway.
"""

import asyncio
import logging
from typing import Final

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request

from bukken_contract import sidecar
from bukken_contract.problems import Unavailable
from bukken_database.readiness import FACTS, obstacle, obstacle_of

log = logging.getLogger(__name__)

# Below the second in which Envoy asks again.
ASK_AGAIN_SECONDS: Final = 0.5

router: Final = APIRouter(prefix="/healthz")


class Readiness:
    """Whether this process can do its work, and what it waits for while it cannot."""

    def __init__(self, engine: AsyncEngine, *, admin_url: str) -> None:
        self._engine = engine
        self._admin_url = admin_url
        self.waits_for: str | None = "the database has not been asked yet"

    async def watch(self) -> None:
        """Asks until the database can be worked with, then tells Envoy, then is ready for good."""
        while reason := await self._obstacle():
            if reason != self.waits_for:
                log.warning("not ready: %s", reason)
            self.waits_for = reason
            await asyncio.sleep(ASK_AGAIN_SECONDS)
        await asyncio.to_thread(sidecar.undrain, self._admin_url)
        self.waits_for = None
        log.info("ready")

    async def _obstacle(self) -> str | None:
        """Asked without the retries of a unit of work, each of which is a line in the log."""
        try:
            async with self._engine.connect() as connection:
                return obstacle((await connection.execute(FACTS)).mappings().one_or_none())
        except Exception as error:  # noqa: BLE001 — whatever it is, ask again, and say so
            return f"{obstacle_of(error)} ({type(error).__name__})"


@router.get("/live")
async def live() -> dict[str, str]:
    """Answers while the event loop turns."""
    return {"status": "live"}


@router.get("/ready")
async def ready(request: Request) -> dict[str, str]:
    """Answers 503 and says what is waited for, until it is ready."""
    readiness: Readiness = request.app.state.readiness
    if readiness.waits_for is not None:
        raise Unavailable(f"not ready: {readiness.waits_for}")
    return {"status": "ready"}
