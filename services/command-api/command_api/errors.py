"""The one place where an error becomes an answer."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bukken_contract import exact_json, logs
from bukken_contract.paths import problem_of_unserved
from bukken_contract.problems import CONTENT_TYPE, Problem


def answer(problem: Problem) -> Response:
    """The problem as RFC 9457 writes it, with the id of the request that met it."""
    return Response(
        exact_json.encode(problem.body(request_id=logs.REQUEST_ID.get())),
        status_code=problem.status,
        media_type=CONTENT_TYPE,
        headers=problem.headers,
    )


_Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]


async def _on_problem(_: Request, problem: Problem) -> Response:
    return answer(problem)


async def _on_unserved(request: Request, error: HTTPException) -> Response:
    """The router's own two: 404 for a path, 405 for a method. No code of ours raises one."""
    if error.status_code not in {404, 405}:
        raise error
    return answer(problem_of_unserved(request.scope["path"], method=request.method))


HANDLERS: Final[dict[int | type[Exception], _Handler]] = {
    Problem: _on_problem,
    HTTPException: _on_unserved,
}
