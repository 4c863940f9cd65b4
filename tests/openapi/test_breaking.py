"""What partners were once told stays true: no change breaks the document last released."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

import openapi
from openapi.breaking import breaks
from openapi.document import document
from openapi.schemas import Json

RELEASED = Path(openapi.__file__).parent / "released.json"
NOW = document()
ONE = "/v1/listings/{ListingKey}"
SEARCH = "/v1/listings"


def test_nothing_breaks_the_released_document() -> None:
    """Who built a client on the last release goes on with this one."""
    assert breaks(json.loads(RELEASED.read_text(encoding="utf-8")), NOW) == []


Change = Callable[[Json], object]


def schema(given: Json, name: str) -> Json:
    """A schema of the document."""
    found: Json = given["components"]["schemas"][name]
    return found


def member(given: Json, name: str, of: str = "ListingToPut") -> Json:
    """One member of a schema."""
    found: Json = schema(given, of)["properties"][name]
    return found


def parameter(given: Json, name: str) -> Json:
    """A parameter of the search."""
    found: Json = next(
        each for each in given["paths"][SEARCH]["get"]["parameters"] if each["name"] == name
    )
    return found


def responses(given: Json, path: str = ONE, method: str = "get") -> Json:
    """The answers of an operation."""
    found: Json = given["paths"][path][method]["responses"]
    return found


def operation(given: Json, method: str = "put") -> Json:
    """An operation on one listing."""
    found: Json = given["paths"][ONE][method]
    return found


BREAKING: list[tuple[str, Change]] = [
    ("GET /v1/changes is gone", lambda d: d["paths"].pop("/v1/changes")),
    ("PUT /v1/listings/{ListingKey} is gone", lambda d: d["paths"][ONE].pop("put")),
    ("is called", lambda d: operation(d).update(operationId="other")),
    ("needs", lambda d: operation(d).update(security=[{"clients": ["bukken/other"]}])),
    (
        "parameter cursor is gone",
        lambda d: d["paths"][SEARCH]["get"]["parameters"].remove(parameter(d, "cursor")),
    ),
    ("parameter q is required now", lambda d: parameter(d, "q").update(required=True)),
    (
        "parameter new is required now",
        lambda d: d["paths"][SEARCH]["get"]["parameters"].append(
            {"name": "new", "in": "query", "required": True, "schema": {}}
        ),
    ),
    (
        "parameter limit: maximum is 100",
        lambda d: parameter(d, "limit")["schema"].update(maximum=100),
    ),
    ("parameter limit: minimum is 2", lambda d: parameter(d, "limit")["schema"].update(minimum=2)),
    ("parameter q: pattern is", lambda d: parameter(d, "q")["schema"].update(pattern="^a$")),
    (
        "the value distance is gone",
        lambda d: parameter(d, "sort")["schema"]["enum"].remove("distance"),
    ),
    (
        "parameter limit is ['string']",
        lambda d: parameter(d, "limit")["schema"].update(type="string"),
    ),
    ("parameter q has only some values", lambda d: parameter(d, "q")["schema"].update(enum=["a"])),
    (
        "a body of application/merge-patch+json is no longer taken",
        lambda d: operation(d, "patch")["requestBody"]["content"].pop(
            "application/merge-patch+json"
        ),
    ),
    (
        "a body is required now",
        lambda d: operation(d, "delete").update(requestBody={"required": True}),
    ),
    ("body.City is no longer taken", lambda d: schema(d, "ListingToPut")["properties"].pop("City")),
    ("body.City is required now", lambda d: schema(d, "ListingToPut")["required"].append("City")),
    ("body.City is ['string'], and was", lambda d: member(d, "City").update(type="string")),
    ("body.City: maxLength is 9", lambda d: member(d, "City").update(maxLength=9)),
    ("body.City: format is date", lambda d: member(d, "City").update(format="date")),
    ("body has more rules", lambda d: schema(d, "ListingToPut")["allOf"].append({})),
    (
        "body.Media.[items] takes no other members",
        lambda d: schema(d, "MediaToPut").update(additionalProperties=False),
    ),
    (
        "body.[contentSchema].SourceVersion is no longer taken",
        lambda d: schema(d, "BatchLine")["properties"].pop("SourceVersion"),
    ),
    ("the value Farm is gone", lambda d: schema(d, "PropertyType")["enum"].remove("Farm")),
    ("200 is gone", lambda d: responses(d).pop("200")),
    ("410 is gone", lambda d: responses(d).pop("410")),
    ("200: header ETag is gone", lambda d: responses(d)["200"]["headers"].pop("ETag")),
    (
        "200: link remove is gone",
        lambda d: responses(d, method="put")["200"]["links"].pop("remove"),
    ),
    ("200: content application/json is gone", lambda d: responses(d)["200"]["content"].clear()),
    (
        "409: late-source-version is gone",
        lambda d: responses(d, method="put")["409"]["content"]["application/problem+json"][
            "examples"
        ].pop("late-source-version"),
    ),
    ("200.City is gone", lambda d: schema(d, "Listing")["properties"].pop("City")),
    (
        "200.Version may be missing now",
        lambda d: schema(d, "Listing")["required"].remove("Version"),
    ),
    ("200.City is ['integer']", lambda d: member(d, "City", "Listing").update(type="integer")),
    (
        "200.City is ['null', 'string']",
        lambda d: member(d, "City", "Listing").update(type=["string", "null"]),
    ),
    (
        "422.errors.[items].field is gone",
        lambda d: member(d, "errors", "Problem")["items"]["properties"].pop("field"),
    ),
    ("200.value.[items].Gone is gone", lambda d: schema(d, "Event")["properties"].pop("Gone")),
    (
        "200.[contentSchema].[1].next is gone",
        lambda d: schema(d, "ExportEnd")["properties"].pop("next"),
    ),
]


@pytest.mark.parametrize(("said", "change"), BREAKING, ids=[said for said, _ in BREAKING])
def test_what_would_break_a_client_is_told(said: str, change: Change) -> None:
    """Each rule, by a change that breaks it."""
    old, new = deepcopy(NOW), deepcopy(NOW)
    if "takes no other members" in said:
        del schema(old, "MediaToPut")["additionalProperties"]
    change(new)

    assert [each for each in breaks(old, new) if said in each] != []


HARMLESS: list[tuple[str, Change]] = [
    ("a new path", lambda d: d["paths"].update({"/v1/new": {}})),
    (
        "a new parameter",
        lambda d: d["paths"][SEARCH]["get"]["parameters"].append(
            {"name": "new", "in": "query", "schema": {}}
        ),
    ),
    ("a wider bound", lambda d: parameter(d, "limit")["schema"].update(maximum=500)),
    ("a bound less", lambda d: parameter(d, "limit")["schema"].pop("maximum")),
    ("a new member to send", lambda d: schema(d, "ListingToPut")["properties"].update(New={})),
    ("a new member that is answered", lambda d: schema(d, "Listing")["properties"].update(New={})),
    ("a new value of a lookup", lambda d: schema(d, "PropertyType")["enum"].append("Castle")),
    ("a new answer", lambda d: responses(d).update({"418": {}})),
    ("what need not be sent any more", lambda d: schema(d, "ListingToPut")["required"].pop()),
    ("other words", lambda d: operation(d).update(summary="Other", description="words")),
]


@pytest.mark.parametrize(("what", "change"), HARMLESS, ids=[what for what, _ in HARMLESS])
def test_what_breaks_nobody_is_allowed(what: str, change: Change) -> None:
    """The contract can grow: a check that always fails would be switched off."""
    new: Any = deepcopy(NOW)
    change(new)

    assert breaks(NOW, new) == [], what
