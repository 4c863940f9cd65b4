"""What several tests of the local platform need."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
import uvicorn
from starlette.types import ASGIApp

Serve = Callable[[ASGIApp], str]


@contextmanager
def _served(app: ASGIApp) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", lifespan="off"))
    thread = threading.Thread(target=asyncio.run, args=(server.serve(sockets=[listener]),))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A function that serves an app on a free port until the test ends, and gives its URL.

    The socket listens before the server runs, so nobody has to wait for it.
    """
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(_served(app))
