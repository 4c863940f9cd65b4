"""Live: the event loop turns. Ready: the database has once been seen to be the one needed."""

import asyncio
from typing import Final

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request

from bukken_contract.problems import Unavailable
from bukken_database.readiness import (
    ASK_AGAIN_SECONDS,
    FACTS,
    Readiness,
    obstacle,
    obstacle_of,
)

router: Final = APIRouter(prefix="/healthz")


async def watch(engine: AsyncEngine, *, readiness: Readiness) -> None:
    """Asks until the database can be worked with."""
    # In a thread, since Envoy is told there, and may be slow to answer.
    while await asyncio.to_thread(readiness.must_wait, await _obstacle(engine)):  # noqa: ASYNC110 — nobody tells us
        await asyncio.sleep(ASK_AGAIN_SECONDS)


async def _obstacle(engine: AsyncEngine) -> str | None:
    """Asked without the retries of a unit of work, each of which is a line in the log."""
    try:
        async with engine.connect() as connection:
            return obstacle((await connection.execute(FACTS)).mappings().one_or_none())
    except Exception as error:  # noqa: BLE001 — whatever it is, ask again, and say so
        return obstacle_of(error)


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
