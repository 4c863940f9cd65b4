"""The one place where an error becomes an answer."""

import logging

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from bukken_contract.exact_json import encode
from bukken_contract.logs import REQUEST_ID, stack_of
from bukken_contract.paths import problem_of_unserved
from bukken_contract.problems import CONTENT_TYPE, InternalError, MalformedRequest, Problem

log = logging.getLogger(__name__)


def register(app: Flask) -> None:
    """Every error of the app is rendered here: ours, the framework's, and the unexpected."""
    app.register_error_handler(Problem, rendered)
    app.register_error_handler(HTTPException, _of_the_framework)
    app.register_error_handler(Exception, _unexpected)


def rendered(problem: Problem) -> Response:
    """The problem as an answer (RFC 9457)."""
    body = encode(problem.body(request_id=REQUEST_ID.get()))
    return Response(body, problem.status, problem.headers, content_type=CONTENT_TYPE)


def _of_the_framework(error: HTTPException) -> Response:
    """Flask finds no route by path or by method; the table both sides share says which, and why."""
    if error.code in {404, 405}:
        return rendered(problem_of_unserved(request.path, method=request.method))
    if error.code is not None and 400 <= error.code < 500:  # noqa: PLR2004 — the client's errors
        return rendered(MalformedRequest(error.description or error.name))
    return _unexpected(error.__cause__ or error)


def _unexpected(error: BaseException) -> Response:
    log.error("unexpected: %s\n%s", type(error).__name__, stack_of(error))
    return rendered(InternalError("something went wrong here; the log has it under this id"))
