"""Each quirk of the Ministry's file, and what an importer makes of it."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bukken_contract.listing import faults_between_fields
from bukken_local.legacy.mlit import HEADER, SOURCE, message_of
from bukken_local.legacy.source import LineRefusedError, opened

PLAIN = dict.fromkeys(HEADER, "") | {
    "No": "7",
    "種類": "中古マンション等",
    "市区町村コード": "13101",
    "取引価格（総額）": "130000000",
    "取引時点": "2021年第３四半期",
}
HOUSE, PLOT = "宅地(土地と建物)", "宅地(土地)"


def read(**changes: str) -> Any:  # noqa: ANN401 — a field is any of its types
    """The listing of a plain row with these values changed."""
    return message_of(PLAIN | changes).listing


@pytest.mark.parametrize(
    ("column", "value", "field", "expected"),
    [
        ("取引価格（総額）", "3600000000", "list_price", Decimal(3_600_000_000)),
        ("取引価格（総額）", "3600000000", "close_price", Decimal(3_600_000_000)),
        ("取引時点", "2021年第３四半期", "close_date", date(2021, 9, 30)),
        ("取引時点", "2021年第４四半期", "close_date", date(2021, 12, 31)),
        ("市区町村コード", "13101", "municipality_code", "13101"),
        ("最寄駅：名称", "神田(東京)", "nearest_station", "神田(東京)"),
        ("最寄駅：名称", "", "nearest_station", None),
        ("最寄駅：距離（分）", "0", "walking_minutes", 0),
        ("最寄駅：距離（分）", "29", "walking_minutes_max", None),
        ("最寄駅：距離（分）", "30分?60分", "walking_minutes", 30),
        ("最寄駅：距離（分）", "30分?60分", "walking_minutes_max", 60),
        ("最寄駅：距離（分）", "1H?1H30", "walking_minutes", 60),
        ("最寄駅：距離（分）", "1H?1H30", "walking_minutes_max", 90),
        ("最寄駅：距離（分）", "1H30?2H", "walking_minutes_max", 120),
        ("最寄駅：距離（分）", "2H?", "walking_minutes", 120),
        ("最寄駅：距離（分）", "2H?", "walking_minutes_max", None),
        ("最寄駅：距離（分）", "30分～60分", "walking_minutes_max", 60),
        ("間取り", "３ＬＤＫ", "bedrooms_total", 3),
        ("間取り", "２ＬＤＫ＋Ｓ", "floor_plan", "２ＬＤＫ＋Ｓ"),
        ("間取り", "オープンフロア", "bedrooms_total", None),
        ("間取り", "オープンフロア", "floor_plan", "オープンフロア"),
        ("間取り", "", "floor_plan", None),
        ("面積（㎡）", "65", "living_area", Decimal(65)),
        ("面積（㎡）", "65", "area_is_minimum_yn", None),
        ("面積（㎡）", "2000㎡以上", "living_area", Decimal(2000)),
        ("面積（㎡）", "2000㎡以上", "area_is_minimum_yn", True),
        ("延床面積（㎡）", "2000㎡以上", "building_area_total", Decimal(2000)),
        ("延床面積（㎡）", "2000㎡以上", "area_is_minimum_yn", True),
        ("延床面積（㎡）", "", "building_area_units", None),
        ("間口", "50.0m以上", "frontage_length", "50.0m以上"),
        ("間口", "5.9", "frontage_length", "5.9m"),
        ("建築年", "昭和24年", "year_built", 1949),
        ("建築年", "昭和64年", "year_built", 1989),
        ("建築年", "平成元年", "year_built", 1989),
        ("建築年", "令和4年", "year_built", 2022),
        ("建築年", "戦前", "year_built", None),
        ("建築年", "戦前", "year_built_details", "戦前"),
        ("建物の構造", "ＲＣ、木造", "construction_materials", ("ＲＣ", "木造")),
        ("用途", "共同住宅、事務所", "current_use", ("共同住宅", "事務所")),
        ("用途", "", "current_use", None),
        ("都市計画", "商業地域", "zoning", "商業地域"),
        ("容積率（％）", "1000", "floor_area_ratio", Decimal(1000)),
        ("取引の事情等", "調停・競売等", "public_remarks", "取引の事情等：調停・競売等"),
        ("改装", "未改装", "public_remarks", "改装：未改装"),
    ],
)
def test_value_becomes_field(column: str, value: str, field: str, expected: object) -> None:
    """A value becomes the field RESO has for it, exactly; an empty one becomes nothing."""
    assert getattr(read(**{column: value}), field) == expected


@pytest.mark.parametrize(
    ("kind", "uses", "expected"),
    [
        ("中古マンション等", "住宅", ("Residential", "Condominium")),
        ("中古マンション等", "", ("Residential", "Condominium")),
        ("中古マンション等", "事務所", ("CommercialSale", "Office")),
        (HOUSE, "住宅", ("Residential", "SingleFamilyResidence")),
        (HOUSE, "住宅、店舗", ("Residential", "MixedUse")),
        (HOUSE, "共同住宅", ("ResidentialIncome", "MultiFamily")),
        (HOUSE, "住宅、共同住宅", ("ResidentialIncome", "MultiFamily")),
        (HOUSE, "事務所、倉庫、駐車場", ("CommercialSale", "MixedUse")),
        (HOUSE, "その他", ("Residential", None)),
        (PLOT, "", ("Land", None)),
        ("林地", "", ("Land", "UnimprovedLand")),
        ("農地", "", ("Farm", "Agriculture")),
    ],
)
def test_kind_and_use_become_types(kind: str, uses: str, expected: tuple[str, str]) -> None:
    """What is sold gives RESO's types; the use of a building says whether people live in it."""
    found = read(種類=kind, 用途=uses)

    assert (found.property_type, found.property_sub_type) == expected


def test_area_of_a_house_is_its_plot() -> None:
    """面積 is the home's area for a flat alone; for all else it is the plot's."""
    found = read(種類=HOUSE, **{"面積（㎡）": "110"})

    assert (found.lot_size_area, found.living_area) == (Decimal(110), None)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("最寄駅：距離（分）", "遠い"),
        ("面積（㎡）", "約65"),
        ("面積（㎡）", "65.123"),
        ("建築年", "昭和99年"),
        ("建築年", "不明"),
        ("建ぺい率（％）", "-"),
    ],
)
def test_unreadable_value_stays_in_the_remarks(column: str, value: str) -> None:
    """A value no field takes costs the field, not the line: it stays readable, and is reported."""
    message = message_of(PLAIN | {column: value})

    assert f"{column}：{value}" in str(message.listing.public_remarks)
    assert column in message.unread


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("No", "", "No is not the number of a row"),
        ("取引価格（総額）", "相談", "not a price in yen: '相談'"),
        ("取引価格（総額）", "-1", "not a price in yen"),
        ("種類", "船", "種類 is none of"),
        ("取引時点", "2022年第１四半期", "its key would not be unique"),
        ("市区町村コード", "27102", "its key would not be unique"),
    ],
)
def test_line_without_a_listing_is_refused(column: str, value: str, reason: str) -> None:
    """A line that lacks what every listing needs is refused in words that name the column."""
    with pytest.raises(LineRefusedError, match=reason):
        message_of(PLAIN | {column: value})


def test_key_names_the_download() -> None:
    """The running number is unique in one download alone, so the key names the download."""
    message = message_of(PLAIN)

    assert (message.key, message.source_version) == ("mlit-13-20213_20214-7", 20214)


def test_every_line_of_the_real_file_becomes_a_listing(real_file: Callable[[str], Path]) -> None:
    """All 11,502 lines become listings that fit together, with 11,502 keys; no value is lost."""
    with opened(real_file("mlit_tokyo_2021.csv"), sources=(SOURCE,)) as lines:
        messages = [line.message for line in lines if line.message]

    assert len({message.key for message in messages}) == len(messages) == 11_502
    assert [m for m in messages if m.unread or faults_between_fields(m.listing)] == []
