"""What an operation is to the document, and how it is written there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bukken_contract import problems
from bukken_contract.problems import Problem
from openapi import errors
from openapi.errors import Met, problem_responses
from openapi.schemas import Json

_ALWAYS_MET: Final[tuple[Met, ...]] = (
    problems.MalformedRequest,
    errors.MALFORMED_PATH,
    errors.TOO_MANY,
    errors.LARGE_HEADERS,
    problems.InternalError,
    errors.BUSY,
    errors.SILENT,
)
_MET_WITH_A_TOKEN: Final[tuple[Met, ...]] = (errors.UNAUTHORIZED, errors.FORBIDDEN)
_MET_WITH_A_BODY: Final[tuple[Met, ...]] = (
    errors.SLOW_UPLOAD,
    problems.BodyTooLarge,
    errors.TOO_LARGE,
    problems.UnsupportedMediaType,
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A good answer: its headers by name, and its content by media type."""

    description: str
    headers: Sequence[str] = ()
    content: Mapping[str, Json] | None = None
    links: Mapping[str, Json] | None = None

    def written(self, *, limited: bool) -> Json:
        """As the document has it; `limited`: with what is left of the client's measure."""
        named = ("X-Request-ID", *(errors.RATE_LIMIT if limited else ()), *self.headers)
        headers = {name: {"$ref": f"#/components/headers/{name}"} for name in named}
        response: Json = {"description": self.description, "headers": headers}
        response |= {"content": dict(self.content)} if self.content else {}
        return response | ({"links": dict(self.links)} if self.links else {})


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One call: what it takes, and all it may answer.

    Attributes:
        scope: of the token it needs; None needs no token.
        parameters: names in `components/parameters`, or written out.
        body: a request body as the document has it.
        met: the problems of its own; those that any call meets are added.
    """

    path: str
    method: str
    name: str
    tag: str
    summary: str
    description: str
    scope: str | None
    answers: Mapping[int, Answer]
    parameters: Sequence[str | Json] = ()
    body: Json | None = None
    met: Sequence[type[Problem]] = ()

    def written(self) -> Json:
        """As the document has it."""
        good = {
            str(status): answer.written(limited=self.scope is not None)
            for status, answer in self.answers.items()
        }
        return {
            "operationId": self.name,
            "tags": [self.tag],
            "summary": self.summary,
            "description": self.description,
            "security": [] if self.scope is None else [{"clients": [self.scope]}],
            "parameters": [_parameter(each) for each in self.parameters],
            **({"requestBody": self.body} if self.body else {}),
            "responses": self._without_content(good | problem_responses(self._all_met())),
        }

    def _without_content(self, responses: Json) -> Json:
        """No answer to a HEAD has a body, be it an error."""
        if self.method != "head":
            return responses
        return {
            status: {name: value for name, value in each.items() if name != "content"}
            for status, each in responses.items()
        }

    def _all_met(self) -> tuple[Met, ...]:
        with_token = _MET_WITH_A_TOKEN if self.scope else ()
        with_body = _MET_WITH_A_BODY if self.body else ()
        return (*_ALWAYS_MET, *with_token, *with_body, *self.met)


def head_of(get: Operation) -> Operation:
    """HEAD works wherever GET does: the same answer without its body."""
    return replace(
        get,
        method="head",
        name=f"head{get.name[0].upper()}{get.name[1:]}",
        summary=f"{get.summary}: the headers alone",
        description=f"As `{get.name}`, without the body.",
    )


def _parameter(given: str | Json) -> Json:
    return {"$ref": f"#/components/parameters/{given}"} if isinstance(given, str) else given
