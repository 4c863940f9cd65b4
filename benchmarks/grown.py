"""As many listings as are wanted, grown from the publishers' real ones.

Each is one of theirs, with another price, size, year, place and text near the first: cities, kinds,
floor plans, stations keep the shares they have in the files. Where the files are not, the excerpt
that is shipped does: the shares are then Tokyo's alone.
"""

import os
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec

from bukken_contract.listing import LISTING_FIELDS, Listing, MediaItem
from bukken_local.legacy.importer import SOURCES
from bukken_local.legacy.source import Message, opened
from bukken_local.start import SAMPLE

FILES: Final = ("mlit_tokyo_2021.csv", "king_county_sales.csv")
NEWEST: Final = datetime(2026, 11, 1, tzinfo=UTC)
YEARS: Final = timedelta(days=730)

# What listings are advertised with, and how often in a thousand: from what stands in half of them
# to what stands in few of a million.
JAPANESE: Final = {
    "日当たり良好です。": 400,
    "駅近の物件です。": 250,
    "南向きのリビング。": 200,
    "オートロック、宅配ボックスあり。": 150,
    "角部屋につき通風良好。": 100,
    "ペット可（小型犬）。": 60,
    "リノベーション済み。": 40,
    "眺望良好、富士山を望みます。": 8,
    "屋上庭園付き。": 3,
    "温泉引込み可。": 0.5,
    "茶室あり。": 0.1,
}
ENGLISH: Final = {
    "Hardwood floors throughout.": 400,
    "Close to schools and parks.": 250,
    "Updated kitchen with granite counters.": 200,
    "Fenced back yard.": 150,
    "Corner lot with mature trees.": 100,
    "Mother-in-law suite.": 60,
    "Recently remodeled.": 40,
    "Mountain and lake view.": 8,
    "Detached art studio.": 3,
    "Private dock.": 0.5,
    "Observatory dome on the roof.": 0.1,
}
STATUSES: Final = {
    "Active": 880,
    "Pending": 60,
    "ActiveUnderContract": 20,
    "Closed": 20,
    "Incomplete": 10,
    "Withdrawn": 10,
}
MOST_PHOTOS: Final = 8

COLUMNS: Final = (
    *("listing_key", "version", "source_version", "source_digest", "ever_visible"),
    *("original_entry_timestamp", "modification_timestamp", "status_change_timestamp"),
    *("price_change_timestamp", "photos_change_timestamp"),
    *LISTING_FIELDS,
)
_PLACE: Final = {name: place for place, name in enumerate(LISTING_FIELDS)}


def data_files() -> list[Path]:
    """The publishers' whole files; none if the folder `BUKKEN_DATA` lacks one."""
    files = [Path(os.environ.get("BUKKEN_DATA", "")) / name for name in FILES]
    return files if all(file.is_absolute() and file.exists() for file in files) else []


def real_listings() -> Sequence[Listing]:
    """The publishers', of the folder `BUKKEN_DATA` if it has them, else of the excerpt."""
    files = data_files() or [*SAMPLE.glob("*.csv")]
    return [message.listing for message in chain.from_iterable(map(_messages, files))]


def _messages(file: Path) -> Iterator[Message]:
    with opened(file, sources=SOURCES) as lines:
        yield from (line.message for line in lines if line.message is not None)


class Growth:
    """Listings by number: the same number, the same listing, whenever and wherever it is grown."""

    def __init__(self, real: Sequence[Listing], *, prefix: str) -> None:
        self.real = real
        self._prefix = prefix
        self._texts: dict[int, list[str]] = {}

    def key(self, number: int) -> str:
        """The key of a listing."""
        return f"{self._prefix}-{number:07}"

    def message(self, number: int) -> Message:
        """A listing as its producer sends it."""
        chance = _chance(number)
        listing = self.real[chance.randrange(len(self.real))]
        changed = replace(listing, **_changes(listing, chance=chance))
        return Message(key=self.key(number), source_version=1, listing=changed)

    def copied(self, number: int) -> str:
        """The same as a line of COPY, of `COLUMNS`."""
        chance = _chance(number)
        at = chance.randrange(len(self.real))
        texts = self._texts_of(at).copy()
        for name, value in _changes(self.real[at], chance=chance).items():
            texts[_PLACE[name]] = as_text(value)
        changed = (NEWEST - YEARS * chance.random()).isoformat()
        digest = sha256(self.key(number).encode()).hexdigest()
        head = (self.key(number), "1", "1", f"\\\\x{digest}", "f", *[changed] * 5)
        return "\t".join((*head, *texts)) + "\n"

    def _texts_of(self, at: int) -> list[str]:
        """Read a million times, so made once."""
        if at not in self._texts:
            self._texts[at] = [as_text(getattr(self.real[at], name)) for name in LISTING_FIELDS]
        return self._texts[at]


def _chance(number: int) -> random.Random:
    return random.Random(number)  # noqa: S311 — no secret


def _changes(listing: Listing, *, chance: random.Random) -> Mapping[str, Any]:
    factor = Decimal(round(chance.lognormvariate(0, 0.15), 3))
    price = ((listing.list_price or 1) * factor).quantize(
        Decimal(10_000 if listing.currency == "JPY" else 100)
    )
    changes: dict[str, Any] = {
        "standard_status": _one_of(STATUSES, chance=chance),
        "list_price": Decimal(format(price, "f")),
        "originating_system_key": str(chance.randrange(10**9)),
        "list_office_name": f"不動産 {chance.randrange(200)}",
        "internet_address_display_yn": None if chance.random() < 0.97 else False,  # noqa: PLR2004 — most show it
        "on_market_date": date(2026, 1, 1) + timedelta(days=chance.randrange(300)),
        "public_remarks": _remarks(listing, chance=chance),
        "media": _media(chance),
    }
    for name in ("living_area", "lot_size_area", "building_area_total"):
        if (area := getattr(listing, name)) is not None:
            changes[name] = round(area * factor, 2)
    if listing.year_built is not None:
        changes["year_built"] = min(2025, listing.year_built + chance.randrange(-3, 4))
    if listing.latitude is not None and listing.longitude is not None:
        changes["latitude"] = listing.latitude + Decimal(chance.randrange(-9999, 9999)) / 10**6
        changes["longitude"] = listing.longitude + Decimal(chance.randrange(-9999, 9999)) / 10**6
    return changes


def _remarks(listing: Listing, *, chance: random.Random) -> str:
    phrases = JAPANESE if listing.country == "JP" else ENGLISH
    said = [phrase for phrase, often in phrases.items() if chance.random() * 1000 < often]
    return "\n".join(filter(None, [" ".join(said), listing.public_remarks]))[:4000] or "-"


def _media(chance: random.Random) -> tuple[MediaItem, ...] | None:
    photos = chance.randrange(-MOST_PHOTOS, MOST_PHOTOS)
    if photos <= 0:
        return None
    folder = f"https://media.example.com/{chance.randrange(10**8)}"
    return tuple(MediaItem(media_url=f"{folder}/{n}.jpg", order=n) for n in range(photos))


def _one_of(shares: Mapping[str, float], *, chance: random.Random) -> str:
    return chance.choices([*shares], weights=[*shares.values()])[0]


def as_text(value: Any) -> str:  # noqa: ANN401 — any value of a listing
    r"""A value as COPY reads it; what is not known is \N."""
    match value:
        case None:
            return r"\N"
        case bool():
            return "t" if value else "f"
        case tuple() if isinstance(value[0], MediaItem):
            return _escaped(msgspec.json.encode(value).decode())
        case tuple():
            return _escaped("{" + ",".join(f'"{item}"' for item in value) + "}")
        case Decimal():
            return format(value, "f")
        case _:
            return _escaped(str(value))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
