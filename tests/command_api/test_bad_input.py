"""Bad input: a clear 4xx that names the fault, nothing half done, never a 500."""

import json
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


@pytest.mark.parametrize("body", [b"[]", b"null", b"true", b"1", b'"a"', b"[{}]"])
def test_a_body_is_an_object(
    service: Service, key: str, check_problem: "CheckProblem", body: bytes
) -> None:
    """JSON that is no object is 422."""
    answer = service.send("PUT", f"/v1/listings/{key}", content=body, headers=TYPED)

    assert "object" in check_problem(answer, status=422, code="invalid")["detail"]


@pytest.mark.parametrize(
    ("member", "field"),
    [
        ('"Foo":1', "Foo"),
        ('"list_price":1', "list_price"),
        ('"\\ud800":1', "?"),
        ('"Foo":null', "Foo"),
        ('"":1', ""),
        ('"Version":1', "Version"),
        ('"ModificationTimestamp":"2021-01-01T00:00:00+99:00"', "ModificationTimestamp"),
        ('"ListingKey":"another"', "ListingKey"),
        ('"ListingKey":[1]', "ListingKey"),
        ('"ListingKey":{}', "ListingKey"),
        ('"City":1', "City"),
        ('"City":""', "City"),
        ('"City":[]', "City"),
        ('"City":"\\u0000"', "City"),
        ('"City":"a\\nb"', "City"),
        ('"City":"\\u0085"', "City"),
        ('"City":"\\ud800"', "City"),
        ('"City":"\\udc00\\ud800"', "City"),
        ('"City":"' + "新" * 51 + '"', "City"),
        ('"PublicRemarks":"a\\u0000b"', "PublicRemarks"),
        ('"PublicRemarks":"' + "a" * 4001 + '"', "PublicRemarks"),
        ('"BedroomsTotal":"3"', "BedroomsTotal"),
        ('"BedroomsTotal":true', "BedroomsTotal"),
        ('"BedroomsTotal":3.5', "BedroomsTotal"),
        ('"BedroomsTotal":-1', "BedroomsTotal"),
        ('"BedroomsTotal":1e400', "BedroomsTotal"),
        ('"BedroomsTotal":99999999999999999999', "BedroomsTotal"),
        ('"YearBuilt":999', "YearBuilt"),
        ('"YearBuilt":10000', "YearBuilt"),
        ('"ListPrice":"1"', "ListPrice"),
        ('"ListPrice":true', "ListPrice"),
        ('"ListPrice":0.001', "ListPrice"),
        ('"ListPrice":12345678901234567.89', "ListPrice"),
        ('"ListPrice":1000000000000', "ListPrice"),
        ('"ListPrice":1e400', "ListPrice"),
        ('"ListPrice":1e-400', "ListPrice"),
        ('"ListPrice":-0.01', "ListPrice"),
        ('"Latitude":90.00000001,"Longitude":0', "Latitude"),
        ('"Latitude":1.123456789,"Longitude":0', "Latitude"),
        ('"WaterfrontYN":1', "WaterfrontYN"),
        ('"WaterfrontYN":"true"', "WaterfrontYN"),
        ('"OnMarketDate":"2021-02-29"', "OnMarketDate"),
        ('"OnMarketDate":"20210201"', "OnMarketDate"),
        ('"OnMarketDate":"2021-W05-1"', "OnMarketDate"),
        ('"OnMarketDate":"2021-02-01T00:00:00+99:00"', "OnMarketDate"),
        ('"OnMarketDate":"0000-01-01"', "OnMarketDate"),
        ('"OnMarketDate":"10000-01-01"', "OnMarketDate"),
        ('"OnMarketDate":"２０２１-01-01"', "OnMarketDate"),
        ('"OnMarketDate":20210201', "OnMarketDate"),
        ('"Levels":"One"', "Levels"),
        ('"Levels":["One",2]', "Levels.1"),
        ('"Levels":[null]', "Levels.0"),
        ('"Levels":{"0":"One"}', "Levels"),
        ('"Levels":[' + ",".join(['"x"'] * 51) + "]", "Levels"),
        ('"Media":[1]', "Media.0"),
        ('"Media":[{}]', "Media.0.MediaURL"),
        ('"Media":[{"MediaURL":"https://u","Order":"1"}]', "Media.0.Order"),
        ('"Media":[{"MediaURL":"https://u","Foo":1}]', "Media.0.Foo"),
        ('"Media":[{"MediaURL":"https://u","MediaCategory":"Song"}]', "Media.0.MediaCategory"),
        ('"Media":[{"MediaURL":"https://u","\\udfff":1}]', "Media.0.?"),
        ('"InternetEntireListingDisplayYN":0', "InternetEntireListingDisplayYN"),
        ('"PropertySubType":{"a":1}', "PropertySubType"),
        ('"Latitude":1', "Longitude"),
        ('"Longitude":1', "Latitude"),
        ('"ListPrice":1', "Currency"),
        ('"LivingArea":1', "LivingAreaUnits"),
    ],
)
def test_a_member_that_breaks_a_rule_is_named(
    service: Service, key: str, check_problem: "CheckProblem", member: str, field: str
) -> None:
    """A well-formed body with a wrong member is 422, names the member, and leaves nothing."""
    more = "" if "Currency" in field or not field.endswith("Price") else ',"Currency":"JPY"'
    body = f"{{{MINIMAL},{member}{more}}}".encode()

    answer = service.send("PUT", f"/v1/listings/{key}", content=body, headers=TYPED)

    problem = check_problem(answer, status=422, code="invalid")
    assert [fault["field"] for fault in problem["errors"]] == [field]
    assert service.row(key) is None


@pytest.mark.parametrize(
    "member",
    [
        '"ListPrice":3.00',
        '"ListPrice":3.000',
        '"ListPrice":1e2',
        '"ListPrice":-0',
        '"ListPrice":-0.0',
        '"ListPrice":999999999999.99',
        '"BedroomsTotal":3.0',
        '"City":null',
        '"City":"🏠 邸"',
        '"PublicRemarks":"一行\\n二行\\t"',
        '"Media":[]',
        '"Media":[{"MediaURL":"https://u","MediaCategory":null,"Order":null}]',
        '"Levels":null',
        '"ListingKey":null',
        '"OnMarketDate":"2024-02-29"',
    ],
)
def test_what_is_good_is_taken(service: Service, key: str, member: str) -> None:
    """The happy twins of the rules above are taken as they are."""
    body = f'{{{MINIMAL},"Currency":"JPY",{member}}}'.encode()

    answer = service.send("PUT", f"/v1/listings/{key}", content=body, headers=TYPED)

    assert answer.status_code == 201, answer.text


def test_all_faults_are_told_at_once(
    service: Service, key: str, check_problem: "CheckProblem"
) -> None:
    """A producer repairs a listing in one round, not in ten."""
    wrong = {"ListPrice": "1", "City": "", "Media": [{"MediaURL": "https://u"}, {"Order": -1}]}

    problem = check_problem(service.put(key, wrong), status=422)

    assert {fault["field"] for fault in problem["errors"]} == {
        "StandardStatus",
        "PropertyType",
        "ListPrice",
        "City",
        "Media.1.MediaURL",
        "Media.1.Order",
    }


def test_nonsense_is_answered_briefly(
    service: Service, key: str, check_problem: "CheckProblem"
) -> None:
    """Four thousand faults, and names of a kilobyte, do not come back whole."""
    wrong = {f"{n}{'x' * 1000}"[:20]: 1 for n in range(4_000)} | {"y" * 9_000: 1}

    answer = service.put(key, wrong)

    problem = check_problem(answer, status=422)
    assert len(problem["errors"]) == 100
    assert len(answer.content) < 20_000


def test_a_key_in_the_body_may_repeat_the_one_in_the_url(
    service: Service, key: str, members: Members
) -> None:
    """Key in body = key in URL is good, for PUT and for PATCH."""
    put = service.put(key, members | {"ListingKey": key})
    patch = service.patch(key, {"ListingKey": key, "City": "港区"}, If_Match="*")

    assert (put.status_code, patch.status_code) == (201, 200)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": ""},
        {"Content-Type": "text/plain"},
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
    service: Service, key: str, check_problem: "CheckProblem", headers: dict[str, str]
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


@pytest.mark.parametrize(
    ("segment", "key"),
    [
        ("%E6%97%A5%E6%9C%AC-1%20a", "日本-1 a"),
        ("a%3Fb%23c%25d%3Be", "a?b#c%d;e"),
        ("%E6%97%A5" * 255, "日" * 255),
        ("a+b", "a+b"),
        ("%2e%2e%2e", "..."),
    ],
)
def test_a_good_key_is_kept_as_it_is(service: Service, segment: str, key: str) -> None:
    """Japanese, reserved characters and 255 of them are good; Location names the same key."""
    answer = service.send(
        "PUT", f"/v1/listings/{segment}", content=f"{{{MINIMAL}}}".encode(), headers=TYPED
    )
    again = service.send("DELETE", answer.headers["Location"])

    assert (answer.status_code, again.status_code) == (201, 204)
    assert answer.json()["ListingKey"] == key
    assert service.row(key)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("segment", "problem"),
    [
        ("a" * 256, (422, "invalid-listing-key")),
        ("%E6%97%A5" * 256, (422, "invalid-listing-key")),
        ("a%2Fb", (422, "invalid-listing-key")),
        ("%2E", (422, "invalid-listing-key")),
        ("%2e%2E", (422, "invalid-listing-key")),
        ("a%00", (422, "invalid-listing-key")),
        ("a%0Ab", (422, "invalid-listing-key")),
        ("a%7F", (422, "invalid-listing-key")),
        ("%E3%81%8B%E3%82%99", (422, "invalid-listing-key")),
        ("%FF", (400, "malformed-request")),
        ("%ED%A0%80", (400, "malformed-request")),
        ("%C0%AF", (400, "malformed-request")),
    ],
)
def test_a_bad_key_is_refused(
    service: Service,
    check_problem: "CheckProblem",
    method: str,
    segment: str,
    problem: tuple[int, str],
) -> None:
    """Keys as § 3 says: else 422; invalid UTF-8 in a path is 400."""
    headers = TYPED | {"If-Match": "*"}
    body = f"{{{MINIMAL}}}".encode()

    answer = service.send(method, f"/v1/listings/{segment}", content=body, headers=headers)

    check_problem(answer, status=problem[0], code=problem[1])


@pytest.mark.parametrize(
    "headers",
    [
        {"If_Match": 'W/"1-1"'},
        {"If_Match": '"1-1", "2-1"'},
        {"If_Match": "1"},
        {"If_None_Match": '"1-1"'},
        {"Source_Version": "-1"},
        {"Source_Version": "9223372036854775808"},
    ],
)
def test_a_header_of_another_form(
    service: Service,
    key: str,
    members: Members,
    check_problem: "CheckProblem",
    headers: dict[str, str],
) -> None:
    """Weak, malformed or several If-Match, and numbers that are none, are 400 for each command."""
    for answer in (
        service.put(key, members, **headers),
        service.patch(key, members, **headers),
        service.delete(key, **headers),
    ):
        check_problem(answer, status=400, code="malformed-request")


def test_a_patch_is_newer_than_its_base(
    service: Service, key: str, members: Members, check_problem: "CheckProblem"
) -> None:
    """A Source-Version that is not above its Source-Base-Version is 400."""
    answer = service.patch(key, members, Source_Version="5", Source_Base_Version="5")

    check_problem(answer, status=400, code="malformed-request")


def test_no_word_of_pydantic_comes_out(service: Service, key: str) -> None:
    """Faults are told in our words, which speak of JSON and not of Python."""
    wrong = {"ListPrice": "x", "Media": 1, "Levels": 1, "City": 1, "CloseDate": 1, "Stories": ""}

    text = json.dumps(service.put(key, wrong).json())

    assert not {"Input", "Decimal", "tuple", "instance", "pydantic"} & set(text.split())


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
