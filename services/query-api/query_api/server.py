"""gunicorn as we run it: one worker process with threads, logging as everything else does."""

import gc
import logging
import os
import sys
from contextvars import copy_context
from socket import socket
from typing import Any, Final

from flask import Flask
from gunicorn import util  # type: ignore[import-untyped] # it ships no types
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped] # the same
from gunicorn.glogging import Logger  # type: ignore[import-untyped] # the same
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped] # the same
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped] # the same

from bukken_contract.exact_json import encode
from bukken_contract.logs import stack_of
from bukken_contract.problems import CONTENT_TYPE, InternalError, MalformedRequest, Problem
from query_api.app import create_app
from query_api.settings import Settings

log = logging.getLogger(__name__)

# A worker whose loop has not turned for so long is replaced. The loop only accepts and hands to
# threads, so a slow request never counts; longer than any request (Envoy's route, 15 s) all the
# same, and before the kubelet's patience ends (30 s): replacing a worker costs less than a Pod.
_STUCK_SECONDS: Final = 20

# The worker's sign of life is a file it touches; on a disk that stalls, a sound worker would be
# killed for it.
_MEMORY: Final = "/dev/shm"  # noqa: S108 — gunicorn unlinks the file as it opens it


class Server(BaseApplication):  # type: ignore[misc] # gunicorn ships no types
    """The process: a master that keeps one worker, which serves the app."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Tells gunicorn our settings; it reads no file and no argument of its own."""
        for name, value in _options(self._settings).items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Called by the worker, after the fork, which neither threads nor connections survive."""
        app = create_app(self._settings)
        app.extensions["begin"]()
        return app


def _options(settings: Settings) -> dict[str, Any]:
    return {
        "bind": f"{settings.host}:{settings.port}",
        "worker_class": Worker,
        # One process per Pod, whatever WEB_CONCURRENCY says: the platform counts and replaces Pods.
        # No max_requests either: with threads it resets connections (gunicorn #3038).
        "workers": 1,
        "threads": settings.threads,
        "keepalive": settings.keep_alive_seconds,
        "graceful_timeout": settings.graceful_seconds,
        "timeout": _STUCK_SECONDS,
        "worker_tmp_dir": _MEMORY if os.access(_MEMORY, os.W_OK) else None,
        "pre_fork": _share_memory,
        "logger_class": Log,
        "loglevel": settings.log_level,
        "errorlog": None,  # no handler of its own beside ours
        # Above what the sidecar lets through (16 KiB, 100 fields, and its own), so that it is the
        # sidecar that refuses.
        "limit_request_line": 0,
        "limit_request_field_size": 20_000,
        "limit_request_fields": 200,
        # The sidecar's address is trusted by default, and so would be a client's SCRIPT_NAME.
        "forwarded_allow_ips": "",
        # A way to command the process that nobody needs, in a file it could not write.
        "control_socket_disable": True,
    }


def _share_memory(_arbiter: object, _worker: object) -> None:
    """Keeps the worker's garbage collector off what the master has loaded.

    So 24 MiB stay shared that it would otherwise write into, and thereby copy.
    """
    gc.freeze()


class Log(Logger):  # type: ignore[misc] # gunicorn ships no types
    """gunicorn's messages go where all others go, and never quote a request or an error's text."""

    def __init__(self, cfg: object) -> None:
        super().__init__(cfg)
        self.error_log.propagate = True

    def exception(self, message: str, *_arguments: object, **_named: object) -> None:
        """What failed, by its class and its stack."""
        error = sys.exception()
        where = stack_of(error) if error else ""
        self.error_log.error("%s: %s\n%s", message, type(error).__name__, where)


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn ships no types
    """Threads; each request in a context of its own, each refusal in our shape."""

    def handle(self, connection: object) -> Any:  # noqa: ANN401 — gunicorn's own signature
        """Without it, a thread would log under the id of the request it had before."""
        return copy_context().run(super().handle, connection)

    def handle_error(
        self, _request: object, client: socket, _address: object, error: Exception
    ) -> None:
        """Answers what never reached the app. gunicorn's answer is HTML, and its log quotes."""
        util.write_nonblock(client, _as_http(_problem_of(error)))


def _problem_of(error: Exception) -> Problem:
    if isinstance(error, ParseException):
        log.warning("refused before the app: %s", type(error).__name__)
        return MalformedRequest("this is not HTTP as RFC 9112 has it")
    log.error("unexpected: %s\n%s", type(error).__name__, stack_of(error))
    return InternalError("something went wrong here")


def _as_http(problem: Problem) -> bytes:
    body = encode(problem.body(request_id=""))
    head = (
        f"HTTP/1.1 {problem.status} {problem.title}\r\nConnection: close\r\n"
        f"Content-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
