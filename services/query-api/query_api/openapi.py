"""GET /v1/openapi.json and its page: for everybody, so that a partner can begin without a token."""

from functools import partial

from flask import Blueprint, Response

from bukken_contract.openapi import Description, descriptions


def openapi() -> Blueprint:
    """GET and HEAD of what describes all other calls."""
    blueprint = Blueprint("openapi", __name__)
    for described in descriptions():
        answer = partial(_answer, described)
        blueprint.add_url_rule(
            described.path, endpoint=described.path.replace(".", "-"), view_func=answer
        )
    return blueprint


def _answer(described: Description) -> Response:
    return Response(described.content, headers=dict(described.headers))
