"""The searches that are measured: some by name, and all that can be made of what is accepted."""

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Final
from urllib.parse import quote, urlencode

from query_api.search import SORTS

Query = Mapping[str, str]

# Each finds a full page in ten thousand listings as in a million. What is small there and large
# here takes longer for that alone.
NAMED: Final[Mapping[str, Query]] = {
    "newest": {},
    "city": {"City": "世田谷区"},
    "price": {
        "Currency": "JPY",
        "ListPrice.ge": "30000000",
        "ListPrice.le": "60000000",
        "sort": "ListPrice",
    },
    "area": {"LivingArea.ge": "60", "LivingArea.le": "90", "sort": "LivingArea"},
    "one word": {"q": "日当たり"},
}

# What may be asked of each parameter: of much, of little, of nothing.
ASKED: Final[tuple[Query, ...]] = (
    {"StandardStatus": "Active"},
    {"StandardStatus": "Pending"},
    {"StandardStatus": "Withdrawn,ActiveUnderContract"},
    {"StandardStatus": "Hold"},
    {"PropertyType": "Residential"},
    {"PropertyType": "Land"},
    {"PropertyType": "Farm"},
    {"PropertySubType": "Condominium"},
    {"PropertySubType": "Warehouse"},
    {"StateOrProvince": "WA"},
    {"StateOrProvince": "東京都"},
    {"StateOrProvince": "神奈川県"},
    {"City": "世田谷区"},
    {"City": "新宿区,渋谷区,港区"},
    {"City": "西多摩郡檜原村"},
    {"MunicipalityCode": "13112"},
    {"PostalCode": "98103"},
    {"NearestStation": "新宿"},
    {"Currency": "JPY"},
    {"Currency": "USD", "ListPrice.ge": "300000", "ListPrice.le": "600000"},
    {"Currency": "JPY", "ListPrice.le": "1000000"},
    {"Currency": "USD", "ListPrice.ge": "90000000"},
    {"BedroomsTotal.ge": "2"},
    {"BedroomsTotal.ge": "9"},
    {"YearBuilt.ge": "1990"},
    {"YearBuilt.le": "1902"},
    {"WalkingMinutes.le": "10"},
    {"WalkingMinutes.ge": "100"},
    {"LivingArea.ge": "60", "LivingArea.le": "200"},
    {"LivingArea.ge": "900"},
    {"LotSizeArea.ge": "500"},
    {"LotSizeArea.ge": "100000"},
    {"BuildingAreaTotal.le": "100"},
    {"near": "47.6097,-122.3331", "radius_km": "10"},
    {"near": "47.6097,-122.3331", "radius_km": "0.5"},
    {"near": "35.6812,139.7671", "radius_km": "5"},
    {"q": "日当たり"},
    {"q": "3LDK"},
    {"q": "granite"},
    {"q": "富士山"},
    {"q": "dock"},
    {"q": "茶室"},
    {"q": "の"},
    {"q": "a"},
    {"q": "ビックリマンション"},
    {"q": "新宿区 ２ＬＤＫ"},
)


def target(query: Query) -> str:
    """The search as a request names it."""
    return f"/v1/listings?{urlencode(query, quote_via=quote)}" if query else "/v1/listings"


def every_search(*, most: int) -> Sequence[Query]:
    """So many of them, the same each time: all in every order, and their pairs in some order."""
    chance = random.Random(1)  # noqa: S311 — no secret
    alone = [each for asked in ({}, *ASKED) for each in _sorted(asked)]
    together = [{**a, **b} for a, b in combinations(ASKED, 2) if not _clash(a, b)]
    pairs = [chance.choice([*_sorted(asked)]) for asked in together]
    return [*chance.sample(alone, len(alone)), *chance.sample(pairs, len(pairs))][:most]


def _clash(one: Query, other: Query) -> bool:
    """Two values of one parameter; but two ends of a price are two, and its currency one."""
    return any(one[name] != other[name] for name in one.keys() & other.keys()) or (
        "q" in one and "q" in other
    )


def _sorted(asked: Query) -> Iterator[Query]:
    for sort, by in SORTS.items():
        if by.column == "list_price" and "," in asked.get("Currency", ","):
            continue
        if by.column == "distance" and "near" not in asked:
            continue
        yield {**asked, "sort": sort}
