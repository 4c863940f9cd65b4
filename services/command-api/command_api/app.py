"""Puts the parts of command-api together, here and nowhere else."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from bukken_contract.own_writes import Tokens
from bukken_database.connections import writer_engine
from bukken_database.readiness import Readiness
from bukken_database.sessions import WriteDatabase
from command_api import errors, health, inquiry_routes, metrics, openapi, routes
from command_api.batches import Places
from command_api.feed_figures import FeedFigures
from command_api.inquiry_care import InquiryCare
from command_api.middleware import EachRequest
from command_api.sequencer import Sequencer
from command_api.settings import Settings
from command_api.work import Work

log = logging.getLogger(__name__)


def create_app(settings: Settings) -> FastAPI:
    """The application; it opens no connection before it is started."""
    pool, own = settings.database_pool_size, {"database_pool_size": 1}
    shared = settings.model_copy(update={"database_pool_size": pool - 1})
    engine = writer_engine(shared, application="command-api")
    database = WriteDatabase(engine)
    sequencing = writer_engine(settings.model_copy(update=own), application="command-api-feed")
    registry = CollectorRegistry()
    kept, figures = timedelta(days=settings.feed_days), FeedFigures(registry)
    sequencer = Sequencer(sequencing, kept=kept, figures=figures)
    forgotten_after = timedelta(days=settings.inquiry_days)
    care = InquiryCare(database, kept=forgotten_after, registry=registry)
    readiness = Readiness(admin_url=settings.envoy_admin_url)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        begun = _begin(engine, readiness=readiness, sequencer=sequencer, care=care)
        watch = asyncio.create_task(begun)
        yield
        watch.cancel()
        await asyncio.wait([watch])
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
    app.state.tokens = Tokens(settings.consistency_secrets)
    app.state.places = Places(settings.batches)
    app.state.metrics = registry
    app.add_middleware(EachRequest)
    for part in (health, metrics, routes, inquiry_routes):
        app.include_router(part.router)
    app.include_router(openapi.router())
    return app


async def _begin(
    engine: AsyncEngine, *, readiness: Readiness, sequencer: Sequencer, care: InquiryCare
) -> None:
    """What works by itself, only when the schema is known to have what it works on."""
    await health.watch(engine, readiness=readiness)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sequencer.run())
        tasks.create_task(care.run())
