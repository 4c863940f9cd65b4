"""GET /v1/openapi.json and its page, for whoever stands before this side alone.

Not FastAPI's own: the document has both sides' calls (docs/decisions/0020).
"""

from functools import partial

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from bukken_contract.openapi import Description, descriptions


def router() -> APIRouter:
    """GET and HEAD of what describes all other calls."""
    router = APIRouter()
    for described in descriptions():
        router.add_route(described.path, partial(_answer, described), methods=["GET"])
    return router


async def _answer(described: Description, _: Request) -> Response:
    return Response(described.content, headers=dict(described.headers))
