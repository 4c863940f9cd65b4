"""What of a new document would break a client of the old one, each in a sentence.

Written for these documents and not for all; why no library: docs/decisions/0020.
What a client sends may be taken more widely and no more narrowly; what it is answered may get
more members and none fewer. Values of lookups may be added: the document says so to everybody.
"""

from collections.abc import Iterator
from typing import Any, Final

from openapi.schemas import Json

# By keyword: whether a request is taken more narrowly when the number grows.
_BOUNDS: Final = {
    "minimum": True,
    "exclusiveMinimum": True,
    "minLength": True,
    "minItems": True,
    "maximum": False,
    "exclusiveMaximum": False,
    "maxLength": False,
    "maxItems": False,
}
_FORMS: Final = ("pattern", "format", "multipleOf", "contentMediaType")


def breaks(old: Json, new: Json) -> list[str]:
    """All that breaks; none if every client of the old document is one of the new."""
    return list(_Comparison(old, new).breaks())


class _Comparison:
    """Two documents; references are followed in each."""

    def __init__(self, old: Json, new: Json) -> None:
        self._old = old
        self._new = new

    def breaks(self) -> Iterator[str]:
        for path, operations in self._old["paths"].items():
            for method, operation in operations.items():
                now = self._new["paths"].get(path, {}).get(method)
                where = f"{method.upper()} {path}"
                if now is None:
                    yield f"{where} is gone"
                else:
                    yield from self._operation(operation, now, where=where)

    def _operation(self, old: Json, new: Json, *, where: str) -> Iterator[str]:
        if old["operationId"] != new["operationId"]:
            yield f"{where} is called {new['operationId']}, and was {old['operationId']}"
        if new["security"] != old["security"]:
            yield f"{where} needs {new['security']}, and needed {old['security']}"
        yield from self._parameters(old, new, where=where)
        yield from self._body(old, new, where=where)
        yield from self._responses(old["responses"], new["responses"], where=where)

    def _parameters(self, old: Json, new: Json, *, where: str) -> Iterator[str]:
        was, now = (
            {
                (p["in"], p["name"]): p
                for p in (_resolved(given, of) for given in each["parameters"])
            }
            for each, of in ((old, self._old), (new, self._new))
        )
        for name in was.keys() - now.keys():
            yield f"{where}: parameter {name[1]} is gone"
        for name, parameter in now.items():
            before = was.get(name, {})
            if parameter.get("required") and not before.get("required"):
                yield f"{where}: parameter {name[1]} is required now"
            if before:
                at = f"{where}: parameter {name[1]}"
                yield from self._narrower(before["schema"], parameter["schema"], where=at)

    def _body(self, old: Json, new: Json, *, where: str) -> Iterator[str]:
        was, now = (each.get("requestBody", {}) for each in (old, new))
        if now.get("required") and not was.get("required"):
            yield f"{where}: a body is required now"
        for kind, media in was.get("content", {}).items():
            if kind not in now.get("content", {}):
                yield f"{where}: a body of {kind} is no longer taken"
                continue
            changed = now["content"][kind]["schema"]
            yield from self._narrower(media["schema"], changed, where=f"{where}: body")

    def _responses(self, old: Json, new: Json, *, where: str) -> Iterator[str]:
        for status, response in old.items():
            at = f"{where}: {status}"
            if status not in new:
                yield f"{at} is gone"
                continue
            for part, word in (("headers", "header"), ("content", "content"), ("links", "link")):
                for name in response.get(part, {}).keys() - new[status].get(part, {}).keys():
                    yield f"{at}: {word} {name} is gone"
            for kind, media in response.get("content", {}).items():
                now = new[status].get("content", {}).get(kind, {"schema": {}})
                for name in media.get("examples", {}).keys() - now.get("examples", {}).keys():
                    yield f"{at}: {name} is gone"
                yield from self._poorer(media["schema"], now["schema"], where=at)

    def _narrower(self, old: Json, new: Json, *, where: str) -> Iterator[str]:
        """What was taken and is no longer."""
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        yield from _other_types(old, new, where=where, may_grow=True)
        yield from _lost_values(old, new, where=where)
        yield from _tighter(old, new, where=where)
        for name in set(new.get("required", ())) - set(old.get("required", ())):
            yield f"{where}.{name} is required now"
        for name, schema, now in _members(old, new):
            if now is None:
                yield f"{where}.{name} is no longer taken"
            else:
                yield from self._narrower(schema, now, where=f"{where}.{name}")

    def _poorer(self, old: Json, new: Json, *, where: str) -> Iterator[str]:
        """What was answered and is no longer."""
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        yield from _other_types(old, new, where=where, may_grow=False)
        yield from _lost_values(old, new, where=where)
        for name in set(old.get("required", ())) - set(new.get("required", ())):
            yield f"{where}.{name} may be missing now"
        for name, schema, now in _members(old, new):
            if now is None:
                yield f"{where}.{name} is gone"
            else:
                yield from self._poorer(schema, now, where=f"{where}.{name}")


def _resolved(given: Json, document: Json) -> Json:
    """What a reference stands for; `anyOf` of a schema and null is that schema, or null."""
    while "$ref" in given:
        found: Any = document
        for step in given["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        given = found
    choices = given.get("anyOf", ())
    if {"type": "null"} in choices and len(choices) == 2:  # noqa: PLR2004 — it, or null
        plain = _resolved(next(each for each in choices if each != {"type": "null"}), document)
        return plain | {"type": [plain["type"], "null"]}
    return given


def _types(schema: Json) -> set[str]:
    named = schema.get("type", ())
    return {named} if isinstance(named, str) else set(named)


def _other_types(old: Json, new: Json, *, where: str, may_grow: bool) -> Iterator[str]:
    was, now = _types(old), _types(new)
    kept = was <= now if may_grow else now <= was
    if was and not (kept and now):
        yield f"{where} is {sorted(now)}, and was {sorted(was)}"


def _lost_values(old: Json, new: Json, *, where: str) -> Iterator[str]:
    if "enum" in new:
        for value in [value for value in old.get("enum", ()) if value not in new["enum"]]:
            yield f"{where}: the value {value} is gone"
        if "enum" not in old:
            yield f"{where} has only some values now"


def _tighter(old: Json, new: Json, *, where: str) -> Iterator[str]:
    for bound, grows in _BOUNDS.items():
        was, now = old.get(bound), new.get(bound)
        if now is not None and (was is None or (now > was if grows else now < was)):
            yield f"{where}: {bound} is {now}, and was {was}"
    for form in _FORMS:
        if form in new and new[form] != old.get(form):
            yield f"{where}: {form} is {new[form]}, and was {old.get(form)}"
    if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
        yield f"{where} takes no other members now"
    if len(new.get("allOf", ())) > len(old.get("allOf", ())):
        yield f"{where} has more rules between its members"


def _members(old: Json, new: Json) -> Iterator[tuple[str, Json, Json | None]]:
    """Each part of the old schema beside the new one's."""
    for name, schema in old.get("properties", {}).items():
        yield name, schema, new.get("properties", {}).get(name)
    for part in ("items", "contentSchema"):
        if part in old:
            yield f"[{part}]", old[part], new.get(part)
    for place, schema in enumerate(old.get("anyOf", ())):
        choices = new.get("anyOf", ())
        yield f"[{place}]", schema, choices[place] if place < len(choices) else None
