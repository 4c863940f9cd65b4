"""Puts the parts of the relay together, here and nowhere else."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from uuid import uuid4

import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from bukken_database.connections import writer_engine
from bukken_database.readiness import Readiness
from command_api import errors, health, metrics
from command_api.middleware import EachRequest
from command_api.relay.back_end import BackEnd
from command_api.relay.claims import Claims
from command_api.relay.courier import Courier
from command_api.relay.listings import Listings
from command_api.relay.settings import Settings
from command_api.relay.tokens import Token


def create_app(settings: Settings) -> FastAPI:
    """The relay, which serves its health alone; it opens no connection before it runs."""
    engine = writer_engine(settings, application="inquiry-relay")
    claims = Claims(engine, me=f"{_pod()}/{uuid4()}")
    registry = CollectorRegistry()
    readiness = Readiness(admin_url=settings.envoy_admin_url)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with _way_out(settings) as client:
            courier = _courier(settings, claims=claims, client=client, registry=registry)

            async def work() -> None:
                await health.watch(engine, readiness=readiness)
                await courier.run()

            tasks = [asyncio.create_task(work()), asyncio.create_task(courier.keep())]
            yield
            await courier.stop(seconds=settings.graceful_seconds)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await claims.close()

    app = FastAPI(
        lifespan=lifespan,
        exception_handlers=errors.HANDLERS,
        redirect_slashes=False,
        openapi_url=None,
    )
    app.state.readiness = readiness
    app.state.metrics = registry
    app.add_middleware(EachRequest)
    app.include_router(health.router)
    app.include_router(metrics.router)
    return app


def _pod() -> str:
    """For whoever looks at a claim. On Kubernetes both are the Pod's name."""
    return os.environ.get("HOSTNAME") or socket.gethostname()


def _way_out(settings: Settings) -> httpx.AsyncClient:
    # They tell of each request; at debug of the headers that came back, which may quote the person.
    for talkative in ("httpx", "httpcore"):
        logging.getLogger(talkative).setLevel("WARNING")
    return httpx.AsyncClient(
        base_url=settings.egress_url,
        limits=httpx.Limits(max_connections=settings.deliveries + 1),  # and one for the token
        timeout=settings.request_seconds,
        trust_env=False,  # a proxy is Envoy's to know
        # None is kept: by its address all behind the egress are one host, and each would be sent
        # what another one set.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


def _courier(
    settings: Settings, *, claims: Claims, client: httpx.AsyncClient, registry: CollectorRegistry
) -> Courier:
    token = Token(client, client_id=settings.client_id, secret=settings.secret_of_the_client)
    return Courier(
        claims=claims,
        token=token,
        listings=Listings(client, token=token),
        back_end=BackEnd(client, registry=registry),
        settings=settings,
    )
