"""Both sides' calls merged into one document: what partners are given."""

from importlib.metadata import version
from typing import Final

from bukken_contract.problems import MethodNotAllowed
from openapi import commands, inquiries, queries
from openapi.errors import problem_examples, problem_responses
from openapi.operations import Operation
from openapi.parameters import shared_headers, shared_parameters
from openapi.schemas import Json, shared_schemas

_DESCRIPTION: Final = """\
Names are the RESO Data Dictionary's, where it has one. Times are RFC 3339. Money is a number with
at most two decimals, and each price has its `Currency`.

Every error is `application/problem+json` (RFC 9457), whoever answers; 429 and 503 carry
`Retry-After`. The load balancer's own pages (400, 502, 503, 504, HTML) are the exception: it
answers so when it cannot reach us at all. A method nobody serves on a path is 405 with `Allow`.

What is not in an answer is not known. New members of answers, new parameters and new values of
lookups may come at any time; nothing here is taken away or changed within `/v1`."""

_SCOPES: Final = {
    "bukken/listings.read": "Read listings, follow and export them.",
    "bukken/listings.write": "Write and remove listings.",
    "bukken/inquiries.write": "Send inquiries, see what became of one's own, erase them.",
    "bukken/inquiries.deliver": "Read all inquiries: the back end's.",
}
_TAGS: Final = {
    "Reading": "One listing, and searching.",
    "Following": "A copy of everything, kept up to date.",
    "Writing": "For those who send listings in.",
    "Inquiries": "What people who saw a listing ask, on its way to who offers it.",
    "Describing": "This document.",
}


def document() -> Json:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Bukken",
            "summary": "An open listing exchange.",
            "description": _DESCRIPTION,
            "version": version("bukken-contract"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        # Of the host it was read from.
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": _paths((*queries.operations(), *commands.operations(), *inquiries.operations())),
        "components": {
            "schemas": shared_schemas()
            | commands.schemas()
            | queries.schemas()
            | inquiries.schemas(),
            "parameters": shared_parameters(),
            "headers": shared_headers(),
            "examples": problem_examples(),
            "responses": _unserved(),
            "securitySchemes": {"clients": _clients()},
        },
    }


def _paths(operations: tuple[Operation, ...]) -> Json:
    paths: Json = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = operation.written()
    return paths


def _unserved() -> Json:
    """What no documented call is answered with: the method is another's, or nobody's."""
    return {"MethodNotAllowed": problem_responses([MethodNotAllowed])["405"]}


def _clients() -> Json:
    return {
        "type": "oauth2",
        "description": "Client credentials; the token goes into `Authorization: Bearer …`.",
        "flows": {"clientCredentials": {"tokenUrl": "/oauth2/token", "scopes": _SCOPES}},
    }
