"""不動産取引価格情報 of Japan's Ministry of Land (MLIT), Tokyo, 2021 Q3 to Q4, as listings.

These are closed sales, taken in as Active so that there is something to search; `ClosePrice` and
`CloseDate` say what they are. What each column becomes stands in `FIELDS`. A column that has no
field, or a value its field cannot take, stays readable in `PublicRemarks` under its own name.
坪単価 and 取引価格（㎡単価） are computed from price and area and are not taken. Lists and zoning
keep the Ministry's words: RESO's lookups for them are open.
"""

import re
import unicodedata
from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from bukken_contract.listing import Listing, PropertyType
from bukken_local.legacy.source import (
    Fields,
    LineRefusedError,
    Message,
    Readers,
    Row,
    Source,
    UnreadValueError,
    read_fields,
    text,
)

# `No` counts the rows of one download alone: it makes a key only together with that download.
DOWNLOAD: Final = "13-20213_20214"
PREFECTURE: Final = "13"
QUARTERS: Final = ("2021年第３四半期", "2021年第４四半期")
SOURCE_VERSION: Final = 20214

HEADER: Final = (
    "No",
    "種類",
    "地域",
    "市区町村コード",
    "都道府県名",
    "市区町村名",
    "地区名",
    "最寄駅：名称",
    "最寄駅：距離（分）",
    "取引価格（総額）",
    "坪単価",
    "間取り",
    "面積（㎡）",
    "取引価格（㎡単価）",
    "土地の形状",
    "間口",
    "延床面積（㎡）",
    "建築年",
    "建物の構造",
    "用途",
    "今後の利用目的",
    "前面道路：方位",
    "前面道路：種類",
    "前面道路：幅員（ｍ）",
    "都市計画",
    "建ぺい率（％）",
    "容積率（％）",
    "取引時点",
    "改装",
    "取引の事情等",
)
REMARKS: Final = (
    "取引の事情等",
    "地域",
    "今後の利用目的",
    "改装",
    "前面道路：方位",
    "前面道路：幅員（ｍ）",
)

Kind = tuple[PropertyType, str | None]
WITH_BUILDING: Final = "宅地(土地と建物)"
CONDOMINIUM: Final = "中古マンション等"
KINDS: Final[Mapping[str, Kind]] = {
    CONDOMINIUM: ("Residential", "Condominium"),
    WITH_BUILDING: ("Residential", None),
    "宅地(土地)": ("Land", None),
    "林地": ("Land", "UnimprovedLand"),
    "農地": ("Farm", "Agriculture"),
}
DWELLINGS: Final[Mapping[str, Kind]] = {
    "共同住宅": ("ResidentialIncome", "MultiFamily"),
    "住宅": ("Residential", "SingleFamilyResidence"),
}
TRADES: Final[Mapping[str, str]] = {
    "事務所": "Office",
    "店舗": "Retail",
    "工場": "Industrial",
    "作業場": "Industrial",
    "倉庫": "Warehouse",
}

# Of each era: the year before its first, and its last year. 令和 has not ended.
ERAS: Final = {
    "明治": (1867, 45),
    "大正": (1911, 15),
    "昭和": (1925, 64),
    "平成": (1988, 31),
    "令和": (2018, 99),
}
BEFORE_THE_WAR: Final = "戦前"
_ERA_YEAR: Final = re.compile(f"({'|'.join(ERAS)})(元|[1-9][0-9]?)年")
_NUMBER: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,2})?")
_OR_MORE: Final = "㎡以上"
_WALK: Final = re.compile(r"([0-9]{1,2})H([0-9]{2})?|([0-9]{1,3})(?:分)?")
_RANGE: Final = re.compile("[?～〜]")  # the Ministry's ～ arrived as ? in this download


def message_of(row: Row) -> Message:
    """The row as a message of the back end.

    Raises:
        LineRefusedError: number, quarter, kind or price, which every listing needs, is unreadable.
    """
    _check_download(row)
    fields, unread = read_fields(row, readers=FIELDS)
    remarks = _remarks(row, columns=(*REMARKS, *unread))
    return Message(
        key=f"mlit-{DOWNLOAD}-{row['No']}",
        source_version=SOURCE_VERSION,
        listing=Listing(**_whole(row), **fields, public_remarks=remarks),
        unread=unread,
    )


def _check_download(row: Row) -> None:
    if not re.fullmatch("[1-9][0-9]{0,8}", row["No"]):
        raise LineRefusedError(f"No is not the number of a row: {row['No']!r}")
    if row["取引時点"] not in QUARTERS or not row["市区町村コード"].startswith(PREFECTURE):
        raise LineRefusedError(f"is not of the download {DOWNLOAD}: its key would not be unique")


def _whole(row: Row) -> Fields:
    """The fields no listing goes without."""
    price = row["取引価格（総額）"]
    if not re.fullmatch("[0-9]{1,12}", price):
        raise LineRefusedError(f"取引価格（総額） is not a price in yen: {price!r}")
    property_type, sub_type = _kind(row)
    return {
        "standard_status": "Active",
        "property_type": property_type,
        "property_sub_type": sub_type,
        "list_price": Decimal(price),
        "close_price": Decimal(price),
        "currency": "JPY",
        "country": "JP",
        "close_date": _last_day(row["取引時点"]),
        "originating_system_name": "国土交通省 不動産取引価格情報",
        "originating_system_key": row["No"],
    }


def _kind(row: Row) -> Kind:
    """What is sold, by 種類; a building's 用途 says whether it is lived in or worked in."""
    if (kind := KINDS.get(row["種類"])) is None:
        raise LineRefusedError(f"種類 is none of {'、'.join(KINDS)}: {row['種類']!r}")
    uses = row["用途"].split("、")
    homes = [DWELLINGS[use] for use in DWELLINGS if use in uses]
    trades = {TRADES[use] for use in uses if use in TRADES}
    if trades and not homes:
        return "CommercialSale", trades.pop() if len(trades) == 1 else "MixedUse"
    if not homes or row["種類"] != WITH_BUILDING:
        return kind
    return (homes[0][0], "MixedUse") if trades else homes[0]


def _last_day(quarter: str) -> date:
    """The source dates a sale by its quarter: no day of it is too early to be true but the last."""
    year, number = int(quarter[:4]), unicodedata.digit(quarter[6])
    return date(year, 3 * number, monthrange(year, 3 * number)[1])


def _words(field: str) -> Callable[[str], Fields]:
    return lambda value: {field: tuple(value.split("、"))} if value else {}


def _ratio(field: str) -> Callable[[str], Fields]:
    return lambda value: {field: _number(value)} if value else {}


def _number(value: str) -> Decimal:
    if not _NUMBER.fullmatch(value):
        raise UnreadValueError(value)
    return Decimal(value)


def _main_area(kind: str, value: str) -> Fields:
    """面積 is the home's own area for a flat, and the plot's for all else."""
    if kind == CONDOMINIUM:
        return _area(value, field="living_area", units="living_area_units")
    return _area(value, field="lot_size_area", units="lot_size_units")


def _building_area(value: str) -> Fields:
    return _area(value, field="building_area_total", units="building_area_units")


def _area(value: str, *, field: str, units: str) -> Fields:
    if not value:
        return {}
    at_least = {"area_is_minimum_yn": True} if value.endswith(_OR_MORE) else {}
    return {field: _number(value.removesuffix(_OR_MORE)), units: "SquareMeters", **at_least}


def _walk(value: str) -> Fields:
    """Minutes, or a range of them, whose upper end may be open: 30分?60分, 1H?1H30, 2H?."""
    low, *high = _RANGE.split(value, maxsplit=1)
    names = ("walking_minutes", "walking_minutes_max")
    return {name: _minutes(end) for name, end in zip(names, (low, *high), strict=False) if end}


def _minutes(value: str) -> int:
    if (found := _WALK.fullmatch(value)) is None:
        raise UnreadValueError(value)
    hours, past, minutes = found.groups(default="0")
    return 60 * int(hours) + int(past) + int(minutes)


def _bedrooms(plan: str) -> Fields:
    """３ＬＤＫ has three; スタジオ and オープンフロア do not say. The plan stays as written."""
    rooms = unicodedata.digit(plan[:1], 0) if plan else 0
    return text("floor_plan")(plan) | ({"bedrooms_total": rooms} if rooms else {})


def _year_built(value: str) -> Fields:
    if not value:
        return {}
    if value == BEFORE_THE_WAR:
        return {"year_built_details": value}
    if (found := _ERA_YEAR.fullmatch(value)) is None:
        raise UnreadValueError(value)
    before, last = ERAS[found[1]]
    year = 1 if found[2] == "元" else int(found[2])
    if year > last:
        raise UnreadValueError(value)
    return {"year_built": before + year}


def _frontage(value: str) -> Fields:
    """RESO's FrontageLength is text, so 50.0m以上 fits as it is; a bare number gets its unit."""
    return text("frontage_length")(f"{value}m" if _NUMBER.fullmatch(value) else value)


def _remarks(row: Row, *, columns: Iterable[str]) -> str | None:
    return "\n".join(f"{column}：{row[column]}" for column in columns if row[column]) or None


FIELDS: Final[Readers] = {
    ("市区町村コード",): text("municipality_code"),
    ("都道府県名",): text("state_or_province"),
    ("市区町村名",): text("city"),
    ("地区名",): text("subdivision_name"),
    ("最寄駅：名称",): text("nearest_station"),
    ("最寄駅：距離（分）",): _walk,
    ("間取り",): _bedrooms,
    ("種類", "面積（㎡）"): _main_area,
    ("土地の形状",): _words("lot_features"),
    ("間口",): _frontage,
    ("延床面積（㎡）",): _building_area,
    ("建築年",): _year_built,
    ("建物の構造",): _words("construction_materials"),
    ("用途",): _words("current_use"),
    ("前面道路：種類",): _words("road_frontage_type"),
    ("都市計画",): text("zoning"),
    ("建ぺい率（％）",): _ratio("building_coverage_ratio"),
    ("容積率（％）",): _ratio("floor_area_ratio"),
}

SOURCE: Final = Source(name="mlit_tokyo_2021.csv", header=HEADER, message_of=message_of)
