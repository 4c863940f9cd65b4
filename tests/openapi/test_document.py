"""The document is whole, true and the one that is served."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from bukken_contract.listing import LOOKUPS
from bukken_contract.paths import PATHS
from bukken_contract.problems import Problem
from openapi.__main__ import files
from openapi.document import document
from openapi.errors import GATEWAY, all_problems
from openapi.schemas import Json
from query_api.documents import WIRE_NAMES

ROOT = Path(__file__).parents[2]
DOCUMENT = document()
OPERATIONS: list[tuple[str, str, Json]] = [
    (path, method, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
each_operation = pytest.mark.parametrize(
    ("path", "method", "operation"),
    [pytest.param(*each, id=f"{each[1]} {each[0]}") for each in OPERATIONS],
)
REGISTRY: Registry[Any] = Registry().with_resource(
    "urn:openapi", DRAFT202012.create_resource(DOCUMENT)
)


def followed(given: Json) -> Json:
    """What a reference stands for."""
    found: Any = DOCUMENT
    for step in given.get("$ref", "").removeprefix("#/").split("/"):
        found = found[step] if step else given
    result: Json = found
    return result


def test_it_is_openapi() -> None:
    """Whatever reads OpenAPI 3.1 reads it."""
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


@pytest.mark.parametrize(("path", "text"), files().items(), ids=lambda each: Path(each).name[:20])
def test_what_is_served_is_what_the_code_says(path: Path, text: str) -> None:
    """Whoever changes the contract runs `python -m openapi`, and the change is seen in the diff."""
    assert path.read_text(encoding="utf-8") == text


def test_it_has_every_path_and_method_and_no_other() -> None:
    """What the services serve by their common table."""
    served = {path.template: {m.lower() for m in path.query + path.command} for path in PATHS}

    assert {path: set(methods) for path, methods in DOCUMENT["paths"].items()} == served


def test_no_two_operations_have_one_name() -> None:
    """Clients are generated with them."""
    names = [operation["operationId"] for _, _, operation in OPERATIONS]

    assert len(names) == len(set(names))


@each_operation
def test_an_operation_is_explained(path: str, method: str, operation: Json) -> None:
    """In words, and each of its parameters in words and with an example."""
    parameters = [followed(given) for given in operation["parameters"]]

    assert operation["summary"]
    assert operation["description"]
    assert [p["name"] for p in parameters if not p["description"] or "example" not in p] == []
    assert set(re.findall(r"\{(\w+)\}", path)) == {
        p["name"] for p in parameters if p["in"] == "path"
    }
    assert ("requestBody" in operation) == (method in {"put", "patch", "post"})


@pytest.mark.parametrize("problem", all_problems(), ids=lambda problem: problem.code)
def test_every_problem_is_there(problem: type[Problem]) -> None:
    """With its type and status, and where it can be met."""
    kind = "application/problem+json"
    shown = DOCUMENT["components"]["examples"][problem.code]["value"]
    met = {
        (status, name)
        for responses in (*(operation["responses"] for _, _, operation in OPERATIONS), unserved())
        for status, response in responses.items()
        for name in response.get("content", {}).get(kind, {}).get("examples", ())
    }

    assert (shown["type"], shown["status"]) == (
        f"urn:bukken:problem:{problem.code}",
        problem.status,
    )
    assert (str(problem.status), problem.code) in met


def unserved() -> Json:
    """What is documented beside the operations."""
    return {"405": DOCUMENT["components"]["responses"]["MethodNotAllowed"]}


def test_no_problem_is_left_out() -> None:
    """A class without an example is not in the document: only names for several are not."""

    def below(kind: type[Problem]) -> Iterator[type[Problem]]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    named_for_several = {"Conflict"}
    ours = {kind for kind in below(Problem) if kind.__module__ == Problem.__module__}

    assert {kind.__name__ for kind in ours - set(all_problems())} == named_for_several


@pytest.mark.parametrize("file", ["command-api", "query-api"])
def test_the_gateways_words_are_its_files_own(file: str) -> None:
    """What Envoy answers is written in its file; the document repeats it."""
    text = (ROOT / "envoy" / f"{file}.yaml").read_text(encoding="utf-8")
    worded = [met for met in GATEWAY if met.status in {401, 403, 429, 503, 504}]

    assert [met.status for met in GATEWAY if f'{met.status}:"{met.title}"' not in text] == []
    assert [met.detail for met in worded if met.detail not in text] == []


@pytest.mark.parametrize("name", LOOKUPS)
def test_lookups_are_there_with_their_values(name: str) -> None:
    """A partner finds the values of RESO's lookups where it finds the fields."""
    assert DOCUMENT["components"]["schemas"][name]["enum"] == list(LOOKUPS[name])


def test_a_listing_has_the_fields_that_are_answered() -> None:
    """Each, in the order in which they are written, and none that is never there."""
    shown = DOCUMENT["components"]["schemas"]["Listing"]["properties"]

    assert list(shown) == list(WIRE_NAMES.values())


def examples() -> Iterator[Any]:
    """Each example beside the schema it is one of."""
    for path, method, operation in OPERATIONS:
        where = f"{method} {path}"
        for given in operation["parameters"]:
            one = followed(given)
            yield pytest.param(one["schema"], one["example"], id=f"{where} {one['name']}")
        holders = [operation.get("requestBody", {}), *operation["responses"].values()]
        for media in (m for h in holders for m in h.get("content", {}).items()):
            for name, given in media[1].get("examples", {}).items():
                value = followed(given)["value"]
                yield pytest.param(media[1]["schema"], value, id=f"{where} {media[0]} {name}")


@pytest.mark.parametrize(("schema", "value"), list(examples()))
def test_an_example_is_one(schema: Json, value: Any) -> None:  # noqa: ANN401 — JSON is any of its types
    """Whoever copies it sends or gets something that the document allows; NDJSON line by line."""
    lined = "contentSchema" in schema
    schema = schema["contentSchema"] if lined else schema
    values = [json.loads(line) for line in value.splitlines()] if lined else [value]
    rooted = json.loads(json.dumps(schema).replace('"#/', '"urn:openapi#/'))
    validator = Draft202012Validator(rooted, registry=REGISTRY)

    assert [error.message for each in values for error in validator.iter_errors(each)] == []


ROW = re.compile(r"^\| `([A-Z]+) (/v1/[^?`]+)[^`]*` \| ([a-z.]+|none) \|", re.MULTILINE)


def test_the_readmes_table_is_the_documents() -> None:
    """What the README promises, with its scopes, is what there is: no more and no less."""
    promised = {tuple(row) for row in ROW.findall((ROOT / "README.md").read_text("utf-8"))}
    there = {
        (method.upper(), path, scope_of(operation))
        for path, method, operation in OPERATIONS
        if method != "head"
    }

    assert promised == there


def scope_of(operation: Json) -> str:
    """As the README writes it."""
    scopes = [scope for needed in operation["security"] for scope in needed["clients"]]
    return scopes[0].removeprefix("bukken/") if scopes else "none"
