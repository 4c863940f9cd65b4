"""Starts command-api: `python -m command_api`; `--help` lists its settings."""

import logging
import sys

import uvicorn
from fastapi import FastAPI

from bukken_contract import logs
from bukken_contract.settings import ProcessSettings, load
from command_api.app import create_app
from command_api.settings import Settings


def main() -> None:
    """Serves until SIGTERM; a wrong setting ends it at once, in one line."""
    settings = load(Settings, argv=sys.argv[1:], program="command_api")
    logs.configure(settings.log_level, service="command-api")
    logging.getLogger("uvicorn.error").setLevel("WARNING")  # it greets in colours, five lines long
    uvicorn.Server(server_config(settings)).run()


def server_config(settings: Settings) -> uvicorn.Config:
    """How command-api is served."""
    return config_of(create_app(settings), settings=settings, connections=settings.concurrency)


def config_of(app: FastAPI, *, settings: ProcessSettings, connections: int) -> uvicorn.Config:
    """One process: Pods are what is multiplied, and each has one health and one pool."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.graceful_seconds,
        limit_concurrency=connections,
        # By name: left to itself, uvicorn takes what happens to be installed, and goes on without a
        # lifespan that fails.
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="on",
        access_log=False,  # Envoy writes it, with the same request id
        log_config=None,
        server_header=False,
        proxy_headers=False,  # by default trusted from the sidecar's address: from every client
    )


if __name__ == "__main__":
    main()
