"""Money from the JSON of a producer, through the database, to the JSON of a partner."""

import asyncio
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import httpx
import pytest
from flask.testing import FlaskClient
from hypothesis import example, given
from hypothesis import strategies as st
from properties import examples
from running_command_api import Service

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase

KEY: Final = "money"
MOST: Final = Decimal("999999999999.99")
JSON: Final = {"Content-Type": "application/json"}
NDJSON: Final = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def commands(database: "MigratedDatabase") -> Iterator[Service]:
    """The command side, on the database that the query side reads."""
    with asyncio.Runner() as runner:
        made = Service(database, runner=runner)
        made.start()
        yield made
        made.stop()
    database.empty()


def is_money(value: Decimal) -> bool:
    """Whether the contract takes it: not below nothing, two decimals, fourteen digits."""
    return 0 <= value <= MOST and value == round(value, 2)


@st.composite
def spelled(draw: st.DrawFn) -> str:
    """A number as JSON may spell it: padded, with an exponent, or as people write it."""
    places = draw(st.sampled_from([0, 1, 2, 2, 3]))
    value = draw(st.decimals(Decimal(-1), MOST + 1, places=places))
    shift = draw(st.integers(-3, 3))
    forms = [
        f"{value:f}",
        f"{value.scaleb(-shift):f}e{shift}",
        f"{value.scaleb(-shift):f}E{shift:+}",
    ]
    padded = f"{value:f}" + ("0" if places else ".0")
    return draw(st.sampled_from([*forms, padded]))


def sent(commands: Service, way: str, price: str) -> int:
    """The status with which the exchange takes a listing at this price, or does not."""
    one = f'"ListPrice": {price}, "ClosePrice": {price}'
    whole = f'"StandardStatus": "Active", "PropertyType": "Land", "Currency": "JPY", {one}'
    path = f"/v1/listings/{KEY}"
    if way == "batch":
        line = f'{{"ListingKey": "{KEY}", {whole}}}'
        answer = commands.send("POST", "/v1/batches/listings", content=line, headers=NDJSON)
        problem = json.loads(answer.text).get("Problem")
        return problem["status"] if problem else 200
    if way == "PATCH":
        base = JSON | {"If-Match": "*"}
        return commands.send("PATCH", path, content=f"{{{one}}}", headers=base).status_code
    answer = commands.send("PUT", path, content=f"{{{whole}}}", headers=JSON)
    return taken(answer)


def taken(answer: httpx.Response) -> int:
    """A listing that is made is as good as one that is changed."""
    return 200 if answer.status_code == 201 else answer.status_code


@pytest.mark.parametrize("way", ["PUT", "PATCH", "batch"])
def test_money_comes_out_as_it_went_in(commands: Service, client: FlaskClient, way: str) -> None:
    """To the last digit, unpadded, without an exponent; or it is refused, and never rounded."""
    assert sent(commands, "PUT", "1") == 200

    @examples(100)
    @given(text=spelled())
    @example(text="999999999999.99")
    @example(text="1000000000000")
    @example(text="0.01")
    @example(text="0.001")
    @example(text="-0.0")
    @example(text="1e12")
    @example(text="35000000.00")
    def round_trip(text: str) -> None:
        value = Decimal(text)

        status = sent(commands, way, text)

        assert status == (200 if is_money(value) else 422)
        if status == 200:
            check(value)

    def check(value: Decimal) -> None:
        told = client.get(f"/v1/listings/{KEY}").data
        prices = re.findall(rb'"(?:ListPrice|ClosePrice)":([^,}]+)', told)
        assert prices == [shortest(value)] * 2
        price = shortest(value).decode()
        found = client.get(f"/v1/listings?Currency=JPY&ListPrice.ge={price}&ListPrice.le={price}")
        assert found.get_json()["value"]

    round_trip()


def shortest(value: Decimal) -> bytes:
    """As people write it: no zeros that say nothing, no exponent, no minus before nothing."""
    return f"{abs(value):f}".rstrip("0").rstrip(".").encode() if value % 1 else b"%d" % int(value)
