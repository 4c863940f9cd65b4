"""What the document shows: a home of the sample, as it is sent and as it is answered."""

import json
from typing import Final

from openapi.schemas import Json

KEY: Final = "mlit-13-20213_20214-1"
FEED: Final = "3f0c3a52-9d1e-4c70-8a37-0c0d6e9f7b11"

LISTING: Final[Json] = {
    "StandardStatus": "Active",
    "PropertyType": "Residential",
    "ListPrice": 35000000,
    "Currency": "JPY",
    "StateOrProvince": "東京都",
    "City": "新宿区",
    "NearestStation": "新宿",
    "WalkingMinutes": 8,
    "FloorPlan": "２ＬＤＫ",
    "LivingArea": 55.5,
    "LivingAreaUnits": "SquareMeters",
    "YearBuilt": 2009,
    "PublicRemarks": "南向き、角部屋。",
    "Media": [{"MediaURL": "https://pictures.example/1.jpg", "Order": 1}],
}
PATCH: Final[Json] = {"ListPrice": 33800000, "PublicRemarks": None}
RECEIPT: Final[Json] = {"ListingKey": "物件-1", "Version": 1, "Result": "created"}

_TIME: Final = "2026-11-22T09:30:00.123456Z"
ANSWERED: Final[Json] = {
    "ListingKey": KEY,
    "Version": 7,
    **LISTING,
    "Media": [{"MediaURL": "https://pictures.example/1.jpg", "MediaCategory": "Photo", "Order": 1}],
    "OriginalEntryTimestamp": _TIME,
    "ModificationTimestamp": _TIME,
    "StatusChangeTimestamp": _TIME,
    "PriceChangeTimestamp": _TIME,
}


def lines(*values: Json) -> str:
    """NDJSON."""
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values)


BATCH: Final = lines(
    {
        "ListingKey": "a-1",
        "SourceVersion": 7,
        "StandardStatus": "Active",
        "PropertyType": "Residential",
    },
    {
        "ListingKey": "a-2",
        "SourceVersion": 3,
        "StandardStatus": "Closed",
        "PropertyType": "Land",
        "City": "渋谷区",
    },
)
BATCH_RESULTS: Final = lines(
    {"Line": 1, "ListingKey": "a-1", "Result": "created", "Version": 1},
    {"Line": 2, "ListingKey": "a-2", "Result": "unchanged", "Version": 4},
)
CHANGES: Final[Json] = {
    "FeedId": FEED,
    "After": 4713,
    "value": [
        {
            "EntityEventSequence": 4712,
            "ResourceName": "Property",
            "ResourceRecordKey": KEY,
            "Listing": ANSWERED,
        },
        {
            "EntityEventSequence": 4713,
            "ResourceName": "Property",
            "ResourceRecordKey": "b",
            "Gone": True,
        },
    ],
}
EXPORT: Final = lines(
    ANSWERED,
    {
        "complete": True,
        "count": 1,
        "FeedId": FEED,
        "EntityEventSequence": 4711,
        "changes": f"/v1/changes?after=4711&FeedId={FEED}&include=listing",
    },
)

INQUIRY_KEY: Final = "01a2024e-8acf-7271-b0c7-cc03c6fa13b3"
_PERSON: Final[Json] = {
    "FullName": "山田 太郎",
    "Email": "taro@example.com",
    "Message": "今週末に内見できますか。",
}
INQUIRY: Final[Json] = {"ListingKey": KEY, **_PERSON, "Phone": "03-1234-5678"}
TOLD: Final[Json] = {
    "InquiryKey": INQUIRY_KEY,
    "ListingKey": KEY,
    "ReceivedTimestamp": _TIME,
    "Attempts": 2,
    "LastAttemptTimestamp": _TIME,
    "DeliveredTimestamp": _TIME,
    "InquiryStatus": "Delivered",
}
WHOLE: Final[Json] = {"InquirySequence": 4712, **TOLD, **_PERSON, "Phone": "+81312345678"}
