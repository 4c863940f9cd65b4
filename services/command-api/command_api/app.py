"""Puts the parts of command-api together, here and nowhere else."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from bukken_database.connections import writer_engine
from bukken_database.readiness import Readiness
from bukken_database.sessions import WriteDatabase
from command_api import errors, health, routes
from command_api.batches import Places
from command_api.middleware import EachRequest
from command_api.settings import Settings
from command_api.work import Work

log = logging.getLogger(__name__)


def create_app(settings: Settings) -> FastAPI:
    """The application; it opens no connection before it is started."""
    engine = writer_engine(settings, application="command-api")
    database = WriteDatabase(engine)
    readiness = Readiness(admin_url=settings.envoy_admin_url)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watch = asyncio.create_task(health.watch(engine, readiness=readiness))
        yield
        watch.cancel()
        await database.close()
        log.info("stopped; nothing is in flight")

    app = FastAPI(
        lifespan=lifespan,
        exception_handlers=errors.HANDLERS,
        redirect_slashes=False,  # a redirect would answer for a path that nobody serves
        openapi_url=None,
    )
    app.state.readiness = readiness
    app.state.work = Work(database, seconds=settings.request_seconds)
    app.state.places = Places(settings.batches)
    app.add_middleware(EachRequest)
    app.include_router(health.router)
    app.include_router(routes.router)
    return app
