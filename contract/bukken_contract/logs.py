"""Logs as JSON lines on stdout, each with the request it belongs to.

Never a query string, a header, a body, or the text of a database error: all of them may hold
personal data or a secret. What failed is named by its class, its SQLSTATE and its stack.
"""

import logging
import logging.config
import re
import traceback
from contextvars import ContextVar
from typing import Final

REQUEST_ID: Final[ContextVar[str]] = ContextVar("request_id", default="")
TRACE_ID: Final[ContextVar[str]] = ContextVar("trace_id", default="")

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")


class _RequestFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = REQUEST_ID.get()
        record.trace_id = TRACE_ID.get()
        return True


def configure(level: str, *, service: str) -> None:
    """Sends everything the process logs to stdout, one JSON object a line."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"request": {"()": _RequestFilter}},
            "formatters": {
                "json": {
                    "()": "pythonjsonlogger.json.JsonFormatter",
                    "format": "{levelname}{name}{message}{request_id}{trace_id}",
                    "style": "{",
                    "rename_fields": {"levelname": "level", "name": "logger"},
                    "static_fields": {"service": service},
                    "timestamp": True,
                    "json_ensure_ascii": False,
                }
            },
            "handlers": {
                "stdout": {
                    "class": "logging.StreamHandler",
                    "stream": "ext://sys.stdout",
                    "formatter": "json",
                    "filters": ["request"],
                }
            },
            "root": {"level": level.upper(), "handlers": ["stdout"]},
        }
    )


def begin_request(*, request_id: str | None, traceparent: str | None) -> str:
    """Ties what is logged from here on to a request, and returns its id.

    Envoy sets the id; one that is not of its form is not repeated into logs and answers.
    """
    known = request_id if request_id and _REQUEST_ID.fullmatch(request_id) else ""
    trace = _TRACEPARENT.fullmatch(traceparent or "")
    REQUEST_ID.set(known)
    TRACE_ID.set(trace[1] if trace else "")
    return known


def stack_of(error: BaseException) -> str:
    """Where it failed, without the error's text, which may quote a row or a parameter."""
    return "".join(traceback.format_tb(error.__traceback__))
