"""A body: a clear 4xx that says what it is not, nothing half done, never a 500."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from running_command_api import Members, Service, path_of

from command_api.bodies import LISTING_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    CheckProblem = Callable[..., Members]

TYPED = {"Content-Type": "application/json"}
MINIMAL = '"StandardStatus":"Active","PropertyType":"Residential"'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a":}',
        b"{'a':1}",
        b'{"a":1}x',
        b"nul",
        b"[" * 100_000,
        b'{"a":' * 40_000,
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b'{"City":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"ListPrice":NaN}',
        b'{"ListPrice":Infinity}',
        b'{"ListPrice":-Infinity}',
        b'{"ListPrice":1e999999999}',
        b'{"ListPrice":1e9999999999999999999999}',
        b'{"ListPrice":0e-9999999999999999999999}',
        b'{"ListPrice":' + b"9" * 5000 + b"}",
        b'{"ListPrice":' + b"1." + b"0" * 5000 + b"}",
        b'{"ListPrice":01}',
        b'{"ListPrice":+1}',
        b'{"ListPrice":.5}',
        b'{"City":"a","City":"b"}',
        b'{"Media":[{"Order":1,"Order":2}]}',
        b'\xef\xbb\xbf{"City":"a"}',
        '{"City":"新宿区"}'.encode("utf-16"),
        '{"City":"新宿区"}'.encode("shift_jis"),
        b'{"City":"\xff"}',
        b'{"City":"\xed\xa0\x80"}',
        b'{"City":"a\nb"}',
        b"\x00",
    ],
)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_what_is_no_json_is_malformed(
    service: Service, key: str, check_problem: "CheckProblem", method: str, body: bytes
) -> None:
    """A body that is not JSON, or not JSON anybody could take exactly, is 400 and says why."""
    answer = service.send(method, f"/v1/listings/{key}", content=body, headers=TYPED)

    assert check_problem(answer, status=400, code="malformed-request")["detail"]


@pytest.mark.parametrize("value", ["1,", "{},", '"",', "[],"])
def test_a_hundred_thousand_values_are_refused_before_each_is_checked(
    service: Service, key: str, value: str, check_problem: "CheckProblem"
) -> None:
    """The fullest listing has about 900; checking each of so many would stop the loop for all."""
    content = f'{{"Media": [{value * 60_000} 1]}}'
    answer = service.send(
        "PUT", path_of(key), content=content, headers={"Content-Type": "application/json"}
    )

    assert "far fewer" in check_problem(answer, status=400)["detail"]


@pytest.mark.parametrize("body", [b"[]", b"null", b"true", b"1", b'"a"', b"[{}]"])
def test_a_body_is_an_object(
    service: Service, key: str, check_problem: "CheckProblem", body: bytes
) -> None:
    """JSON that is no object is 422."""
    answer = service.send("PUT", f"/v1/listings/{key}", content=body, headers=TYPED)

    assert "object" in check_problem(answer, status=422, code="invalid")["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": ""},
        {"Content-Type": "text/plain"},
        [("Content-Type", "application/json"), ("Content-Type", "text/plain")],
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/jsonx"},
        {"Content-Type": "application/merge-patch+json"},
        {"Content-Type": "application/json; charset=shift_jis"},
        {"Content-Type": "application/json; charset=utf-8; charset=utf-16"},
        {"Content-Type": 'application/json;Charset="UTF-16"'},
        TYPED | {"Content-Encoding": "gzip"},
        TYPED | {"Content-Encoding": "identity, br"},
    ],
)
def test_another_type_charset_or_encoding(
    service: Service,
    key: str,
    check_problem: "CheckProblem",
    headers: dict[str, str] | list[tuple[str, str]],
) -> None:
    """A body that is not said to be plain UTF-8 JSON is 415, though it might be."""
    body = f"{{{MINIMAL}}}".encode()

    answer = service.send("PUT", f"/v1/listings/{key}", content=body, headers=headers)

    check_problem(answer, status=415, code="unsupported-media-type")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "Application/JSON"},
        {"Content-Type": "application/json;charset=UTF-8"},
        {"Content-Type": 'application/json; charset="utf-8"'},
        TYPED | {"Content-Encoding": "identity"},
    ],
)
def test_the_same_type_in_other_words(service: Service, key: str, headers: dict[str, str]) -> None:
    """Case, spaces and quotes do not matter in Content-Type, and identity is no encoding."""
    body = f"{{{MINIMAL}}}".encode()

    answer = service.send("PUT", f"/v1/listings/{key}", content=body, headers=headers)

    assert answer.status_code == 201


async def _in_pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 10_000):
        yield body[start : start + 10_000]


def _body_of(size: int) -> bytes:
    body = f"{{{MINIMAL}}}".encode()
    return body + b" " * (size - len(body))


@pytest.mark.parametrize("length", [None, "10", "0", "abc"])
def test_a_body_over_the_limit(
    service: Service, key: str, check_problem: "CheckProblem", length: str | None
) -> None:
    """One byte over the limit is 413, also chunked, and whatever Content-Length says."""
    lie = {} if length is None else {"Content-Length": length}
    answer = service.send(
        "PUT",
        f"/v1/listings/{key}",
        content=_in_pieces(_body_of(LISTING_BYTES + 1)),
        headers=TYPED | lie,
    )

    check_problem(answer, status=413, code="body-too-large")


@pytest.mark.parametrize("length", [str(LISTING_BYTES + 1), "9" * 5_000])
def test_a_length_over_the_limit_is_not_read(
    service: Service, key: str, check_problem: "CheckProblem", length: str
) -> None:
    """A Content-Length over the limit is enough for 413."""
    lie = TYPED | {"Content-Length": length}

    answer = service.send("PUT", f"/v1/listings/{key}", content=b"{}", headers=lie)

    check_problem(answer, status=413, code="body-too-large")


def test_a_body_of_the_limit_is_taken(service: Service, key: str) -> None:
    """Exactly the limit is not over it, also chunked."""
    answer = service.send(
        "PUT",
        f"/v1/listings/{key}",
        content=_in_pieces(_body_of(LISTING_BYTES)),
        headers=TYPED,
    )

    assert answer.status_code == 201
