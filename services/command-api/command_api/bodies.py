"""Reading a request's body: in full, under a limit, as the JSON object it must be.

By hand rather than by the framework, whose reading takes any size, any charset and the last of
two equal names, rounds numbers, and answers 500 for some bodies (docs/decisions/0004).
"""

from collections.abc import Iterable
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.requests import Request

from bukken_contract import exact_json
from bukken_contract.problems import BodyTooLarge, Invalid, MalformedRequest, UnsupportedMediaType

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"

# A listing with 100 pictures whose URLs have 2,000 characters, and 4,000 Japanese characters of
# remarks, fits; what is larger is no listing, and 64 of them at once stay below 16 MiB.
LISTING_BYTES: Final = 256 * 1024

# 4,000 characters, each written as two \uXXXX, and the rest.
INQUIRY_BYTES: Final = 64 * 1024

# Enough to be over the limit; Python refuses to read an integer of 4,300.
_LENGTH_DIGITS: Final = 18

# A listing has three levels. What recurses over a body must never meet Python's limit (1,000).
_DEEPEST: Final = 16

# The fullest listing has about 900. What checks each value must never be kept busy by 100,000.
_MOST_VALUES: Final = 5_000


# A batch of 5,000 lines of 2 KiB. As many at once as the setting `batches` says.
BATCH_BYTES: Final = 10 * 1024 * 1024
NDJSON: Final = "application/x-ndjson"


async def json_object(
    request: Request, *, types: Iterable[str], most: int = LISTING_BYTES
) -> dict[str, Any]:
    """The object in the body.

    Args:
        request: its body has not been read.
        types: the media types it may have.
        most: how many bytes it may have.

    Raises:
        UnsupportedMediaType: another type, a charset other than UTF-8, or an encoding.
        BodyTooLarge: over the limit, by its length or as it comes in.
        MalformedRequest: no JSON.
        Invalid: JSON, and no object.
    """
    _check_type(request.headers, types=types)
    return object_of(bytes(await _read(request, most=most)))


async def batch(request: Request) -> bytearray:
    """The body of a batch, whole and as it came.

    Raises:
        UnsupportedMediaType, BodyTooLarge: as above.
    """
    _check_type(request.headers, types=(NDJSON,))
    return await _read(request, most=BATCH_BYTES)


def object_of(text: bytes) -> dict[str, Any]:
    """The JSON object this is: a body, or a line of one.

    Raises:
        MalformedRequest: no JSON.
        Invalid: JSON, and no object.
    """
    value = exact_json.parse(text)
    _check_depth(value)
    if not isinstance(value, dict):
        raise Invalid("the body must be a JSON object")
    return value


def _check_type(headers: Headers, *, types: Iterable[str]) -> None:
    given = headers.getlist("Content-Type")
    kind, *parameters = given[0].split(";") if len(given) == 1 else [""]
    if kind.strip().lower() not in types:
        raise UnsupportedMediaType(f"Content-Type must be one of: {', '.join(types)}")
    if not all(map(_is_utf_8, parameters)):
        raise UnsupportedMediaType("the charset must be utf-8")
    encodings = {coding.strip().lower() for coding in headers.getlist("Content-Encoding")}
    if encodings - {"identity", ""}:
        raise UnsupportedMediaType("Content-Encoding is not taken: send the body as it is")


def _is_utf_8(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip().lower() != "charset" or value.strip(' "').lower() in {"utf-8", "utf8"}


async def _read(request: Request, *, most: int) -> bytearray:
    """Counts what comes in: a length may lie, and a chunked body has none."""
    length = request.headers.get("Content-Length", "0")
    if length.isdecimal() and int(length[:_LENGTH_DIGITS]) > most:
        raise _too_large(most)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise _too_large(most)
    return body


def _too_large(most: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body has at most {most} bytes here")


def _check_depth(value: object) -> None:
    """Level by level, since a function that called itself would meet the very limit."""
    level, count = [value], 1
    for _ in range(_DEEPEST):
        level = [child for item in level for child in _children(item)]
        count += len(level)
    if level:
        raise MalformedRequest("the body is nested too deeply")
    if count > _MOST_VALUES:
        raise MalformedRequest(f"the body holds {count} values; a listing has far fewer")


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
