"""The members of a listing: 422 that names each one that breaks a rule, and nothing is left."""

import json
from datetime import date
from typing import TYPE_CHECKING

import pytest
from running_command_api import Members, Service

if TYPE_CHECKING:
    from collections.abc import Callable

    CheckProblem = Callable[..., Members]

TYPED = {"Content-Type": "application/json"}
MINIMAL = '"StandardStatus":"Active","PropertyType":"Residential"'


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


@pytest.mark.parametrize("day", [date.min, date.max])
def test_the_first_and_the_last_day_are_days(service: Service, key: str, day: date) -> None:
    """9999-12-31, which many write for "not known", is stored as it is, and not as infinite."""
    body = f'{{{MINIMAL},"CloseDate":"{day}"}}'.encode()

    service.send("PUT", f"/v1/listings/{key}", content=body, headers=TYPED)

    assert (service.row(key) or {})["close_date"] == day


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


def test_no_word_of_pydantic_comes_out(service: Service, key: str) -> None:
    """Faults are told in our words, which speak of JSON and not of Python."""
    wrong = {"ListPrice": "x", "Media": 1, "Levels": 1, "City": 1, "CloseDate": 1, "Stories": ""}

    text = json.dumps(service.put(key, wrong).json())

    assert not {"Input", "Decimal", "tuple", "instance", "pydantic"} & set(text.split())
