"""What schemathesis is told beyond the document: lines, clients, and rules between fields.

Loaded by schemathesis itself (schemathesis.toml), in a process of its own.
"""

import json
import os
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from itertools import count
from typing import Any, Final
from urllib.parse import quote, unquote

import httpx
import schemathesis
from schemathesis import Case, GenerationMode, HookContext, Response
from schemathesis.auths import AuthContext

from bukken_contract.listing import NEEDS, wire_name

Json = dict[str, Any]

NDJSON: Final = "application/x-ndjson"
_READ: Final = "bukken/listings.read"

# A batch of the fuzzer's; a batch of 5,000 lines of one listing takes as long as a request may.
_MOST_LINES: Final = 20

_COMMAND: Final = frozenset({"PUT", "PATCH", "DELETE"})
_COMMANDS: Final = count()


@schemathesis.hook
def before_load_schema(_: HookContext, raw_schema: Json) -> None:
    """OpenAPI 3.1 tells of NDJSON as a text; here it is the list of values that its lines are.

    And no case can be made of "if a price, then a currency": `_mend_listing` adds it.
    """
    for name in ("ListingToPut", "BatchLine"):
        del raw_schema["components"]["schemas"][name]["allOf"]
    for operations in raw_schema["paths"].values():
        for operation in operations.values():
            if sent := operation.get("requestBody", {}).get("content", {}).get(NDJSON):
                _tell_lines(sent, most=_MOST_LINES)
            for response in operation["responses"].values():
                if got := response.get("content", {}).get(NDJSON):
                    _tell_lines(got)


def _tell_lines(media: Json, *, most: int | None = None) -> None:
    media["schema"] = {"type": "array", "minItems": 1, "items": media["schema"]["contentSchema"]}
    media["schema"] |= {"maxItems": most} if most else {}
    for example in media["examples"].values():
        example["value"] = [json.loads(line) for line in example["value"].splitlines()]


@schemathesis.serializer(NDJSON)
def as_lines(_: schemathesis.SerializationContext, value: object) -> bytes:
    """A value on each line."""
    values = value if isinstance(value, list) else [value]
    return b"".join(json.dumps(each).encode() + b"\n" for each in values)


@schemathesis.deserializer(NDJSON)
def of_lines(_: schemathesis.DeserializationContext, response: Response) -> list[Any]:
    """The values of an answer's lines."""
    return [json.loads(line) for line in response.content.splitlines()]


@schemathesis.auth(refresh_interval=None)
class Clients:
    """Each call with the scope that the document says it needs, and no other."""

    def get(self, case: Case[Any], _: AuthContext) -> str | None:
        """A token, or None where the document says that none is needed."""
        security = case.operation.definition.raw["security"]
        scopes = [scope for needed in security for scope in needed["clients"]]
        if not scopes and case.method in {"GET", "HEAD"}:
            return None
        return _token((scopes or [_READ])[0])

    def set(self, case: Case[Any], data: str | None, _: AuthContext) -> None:
        """Puts it on the request."""
        if data is not None:
            case.headers["Authorization"] = f"Bearer {data}"


def _token(scope: str) -> str:
    tokens: dict[str, str] = json.loads(os.environ["BUKKEN_TOKENS"])
    return tokens[scope]


@schemathesis.hook
def filter_case(_: HookContext, case: Case[Any]) -> bool:
    """A header that nobody knows is ignored (RFC 9110 § 5.1), and not refused as a parameter is."""
    return not any(name.lower().startswith("x-schemathesis-unknown") for name in case.headers)


@cache
def _there_before() -> frozenset[str]:
    """The listings that others made: other tests compare them with what they sent."""
    headers = {"Authorization": f"Bearer {_token(_READ)}"}
    found: set[str] = set()
    path: str | None = "/v1/listing-keys"
    while path:
        page = httpx.get(f"{os.environ['BUKKEN_URL']}{path}", headers=headers, trust_env=False)
        found.update(each["ListingKey"] for each in page.json()["value"])
        path = page.json().get("nextLink")
    return frozenset(found)


@schemathesis.hook("before_call")
def leave_alone_what_was_there(_: HookContext, case: Case[Any], **__: object) -> None:
    """A key that a search has found is not one to write to."""
    if case.method not in _COMMAND or "ListingKey" not in case.path_parameters:
        return
    quoted = case.path_parameters["ListingKey"]
    if unquote(str(quoted)) in _there_before():
        case.path_parameters["ListingKey"] = type(quoted)(f"{quoted}-mine")


@schemathesis.hook
def before_call(_: HookContext, case: Case[Any], **__: object) -> None:
    """A case that is to be accepted also obeys the rules that no schema can tell."""
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    if "ListingKey" in case.path_parameters:
        _mend_key(case)
    _mend_headers(case)
    if case.method in _COMMAND and next(_COMMANDS) % 2:
        _drop_conditions(case)
    for name in ("cursor", "FeedId"):  # sealed, and known to the platform alone
        case.query.pop(name, None)
    case.headers.pop("Consistency-Token", None)  # as these
    if case.path == "/v1/changes":
        case.query |= _place(case.query.get("after", 0))
    if case.path == "/v1/inquiries" and case.method == "GET":
        case.query.pop("after", None)
    if case.path == "/v1/listings":
        _mend_search(case.query)
    bodies = case.body if isinstance(case.body, list) else [case.body]
    for body in bodies:
        if isinstance(body, dict):
            _mend_listing(body)


def _mend_key(case: Case[Any]) -> None:
    """Normal form NFC; a body may repeat the key and no other. In the path it is quoted already."""
    quoted = case.path_parameters["ListingKey"]
    key = unicodedata.normalize("NFC", unquote(quoted))
    case.path_parameters["ListingKey"] = type(quoted)(quote(key, safe=""))
    if isinstance(case.body, dict) and case.body.get("ListingKey") is not None:
        case.body["ListingKey"] = key


def _mend_headers(case: Case[Any]) -> None:
    """A message comes after its base. Coverage writes `0` for an If-Match, against its pattern."""
    if case.headers.get("If-Match") == "0":
        case.headers["If-Match"] = "*"
    base, own = (case.headers.get(name) for name in ("Source-Base-Version", "Source-Version"))
    if base is not None and own is not None and int(own) <= int(base):
        del case.headers["Source-Base-Version"]


def _drop_conditions(case: Case[Any]) -> None:
    """Every other command has none: with a condition most find another state and do nothing."""
    for name in ("If-Match", "If-None-Match", "Source-Version", "Source-Base-Version"):
        case.headers.pop(name, None)
    if case.method == "PATCH":
        case.headers["If-Match"] = "*"


def _place(after: Any) -> Json:  # noqa: ANN401 — a generated value
    """A place in the feed there is."""
    headers = {"Authorization": f"Bearer {_token(_READ)}"}
    url = f"{os.environ['BUKKEN_URL']}/v1/changes"
    page = httpx.get(url, params={"after": 0}, headers=headers, trust_env=False).json()
    return {"after": int(after) % (page["After"] + 1), "FeedId": page["FeedId"]}


def _mend_search(query: Json) -> None:
    """Companions, one currency, and no range turned round."""
    asks_prices = any(name.startswith("ListPrice.") for name in query)
    if asks_prices or str(query.get("sort")).endswith("ListPrice"):
        query["Currency"] = ["JPY"]
    if not any("Area" in name and "." in name for name in query):
        query.pop("AreaUnits", None)
    if query.keys() & {"near", "radius_km"} or query.get("sort") == "distance":
        query |= {"near": query.get("near", "35.68,139.76"), "radius_km": query.get("radius_km", 1)}
    for low, high in _ranges(query):
        query[low], query[high] = sorted(
            (query[low], query[high]), key=lambda end: Decimal(str(end))
        )
    for name, value in query.items():
        if isinstance(value, float):
            query[name] = format(Decimal(repr(value)), "f")


def _ranges(query: Json) -> Iterator[tuple[str, str]]:
    for low in [name for name in query if name.endswith(".ge")]:
        if (high := low.replace(".ge", ".le")) in query:
            yield low, high


def _mend_listing(body: Json) -> None:
    """Numbers as people write them, and companions."""
    for name, value in body.items():
        if isinstance(value, float):
            body[name] = round(value, 2)
    for name, needed in ((wire_name(name), wire_name(needed)) for name, needed in NEEDS):
        if body.get(name) is not None and body.get(needed) is None:
            del body[name]
    if body.get("WalkingMinutesMax") is not None:
        body["WalkingMinutes"] = min(body["WalkingMinutes"], body["WalkingMinutesMax"])
    key = body.get("ListingKey")
    if isinstance(key, str):
        body["ListingKey"] = unicodedata.normalize("NFC", key)
