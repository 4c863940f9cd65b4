"""The one model: tables both sides know, and the level a running process needs them at."""

from dataclasses import fields
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

from annotated_types import Le, MaxLen
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine, UserDefinedType

from bukken_contract.keys import MAX_KEY_CHARACTERS
from bukken_contract.listing import Listing, MediaItem, Places

# Counted up by the migration that a release of ours first needs. A process is not ready on an
# older schema; on a newer one it works, since each migration works with the code before it.
SCHEMA_LEVEL: Final = 4

SCHEMA: Final = "bukken"

metadata: Final = MetaData(
    schema=SCHEMA,
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "ck": "%(table_name)s_%(constraint_name)s",
        "ix": "%(table_name)s_%(column_0_N_name)s",
    },
)

schema_level: Final = Table("schema_level", metadata, Column("level", Integer, nullable=False))

# Visible: what partners may see (architecture § 3). Written here once, for both sides.
VISIBLE: Final = (
    "removed_at IS NULL AND standard_status <> 'Incomplete' "
    "AND internet_entire_listing_display_yn IS DISTINCT FROM false"
)

# What `q` looks through. A place is written as Japanese writes it, without spaces: 東京都新宿区 is
# typed as one word. An address that is not to be displayed cannot be searched for either.
SEARCH_TEXT: Final = """bukken.search_form(
    coalesce(state_or_province, '') || coalesce(city, '') || coalesce(subdivision_name, '')
    || coalesce(E'\\n' || CASE WHEN internet_address_display_yn IS NOT FALSE
        THEN unparsed_address END, '')
    || coalesce(E'\\n' || nearest_station, '') || coalesce(E'\\n' || floor_plan, '')
    || coalesce(E'\\n' || public_remarks, ''))"""


def _square_metres(area: str, units: str) -> Computed:
    return Computed(f"bukken.square_metres({area}, {units})", persisted=True)


class Cube(UserDefinedType[Any]):
    """A point in space, of the extension cube: never read, only compared."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Its name in SQL."""
        return "bukken.cube"


# The exact foot has eight decimals and an area two.
_SQUARE_METRES: Final = Numeric(22, 10)


def _bound(hint: Any, kind: type[Any]) -> Any:  # noqa: ANN401 — an annotation is any object
    return next((m for m in getattr(hint, "__metadata__", ()) if isinstance(m, kind)), None)


def _column_type(hint: Any) -> TypeEngine[Any]:  # noqa: ANN401 — an annotation is any object
    """The column that holds exactly what the contract's annotation allows."""
    base = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if base is Decimal:
        places, largest = _bound(hint, Places).decimal_places, _bound(hint, Le).le
        return Numeric(len(str(int(largest))) + places, places)
    if get_origin(base) is tuple:
        item = get_args(base)[0]
        return JSONB() if item is MediaItem else ARRAY(String(_bound(item, MaxLen).max_length))
    if get_origin(base) is Literal:
        return String(50)
    if base is str:
        return String(_bound(hint, MaxLen).max_length)
    simple: dict[Any, TypeEngine[Any]] = {bool: Boolean(), date: Date(), int: SmallInteger()}
    return simple[base]


def _listing_columns() -> list[Column[Any]]:
    hints = get_type_hints(Listing, include_extras=True)
    return [Column(f.name, _column_type(_without_none(hints[f.name]))) for f in fields(Listing)]


def _without_none(hint: Any) -> Any:  # noqa: ANN401 — an annotation is any object
    if get_origin(hint) in (Annotated, Literal):
        return hint
    return next((part for part in get_args(hint) if part is not type(None)), hint)


listings: Final = Table(
    "listings",
    metadata,
    Column("listing_key", String(MAX_KEY_CHARACTERS), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("source_version", BigInteger),
    Column("source_digest", LargeBinary),
    Column("original_entry_timestamp", DateTime(timezone=True), nullable=False),
    Column("modification_timestamp", DateTime(timezone=True), nullable=False),
    Column("status_change_timestamp", DateTime(timezone=True)),
    Column("price_change_timestamp", DateTime(timezone=True)),
    Column("photos_change_timestamp", DateTime(timezone=True)),
    Column("removed_at", DateTime(timezone=True)),
    Column("ever_visible", Boolean, nullable=False),
    Column("visible", Boolean, Computed(VISIBLE, persisted=True)),
    *_listing_columns(),
    Column("search_text", Text, Computed(SEARCH_TEXT, persisted=True)),
    Column(
        "living_square_metres", _SQUARE_METRES, _square_metres("living_area", "living_area_units")
    ),
    Column("lot_square_metres", _SQUARE_METRES, _square_metres("lot_size_area", "lot_size_units")),
    Column(
        "building_square_metres",
        _SQUARE_METRES,
        _square_metres("building_area_total", "building_area_units"),
    ),
    Column(
        "place",
        Cube,
        Computed("bukken.place(latitude, longitude, internet_address_display_yn)", persisted=True),
    ),
    CheckConstraint("version > 0", name="version_is_positive"),
    CheckConstraint(
        "removed_at IS NOT NULL OR (standard_status IS NOT NULL AND property_type IS NOT NULL)",
        name="live_ones_have_status_and_type",
    ),
    CheckConstraint(
        "currency IS NOT NULL OR coalesce(list_price, original_list_price, close_price) IS NULL",
        name="a_price_has_a_currency",
    ),
)

# Newest first, visible alone, in key order among equals: the list's page is one index range.
newest_first: Final = Index(
    "listings_newest_first",
    listings.c.modification_timestamp.desc(),
    listings.c.listing_key.desc(),
    postgresql_where=listings.c.visible,
)

Index(
    "listings_keys",
    listings.c.listing_key,
    postgresql_include=["version"],
    postgresql_where=listings.c.visible,
)

# Equalities people search by; each has an index in the order of the list.
EQUALITIES: Final = (
    "standard_status",
    "property_type",
    "property_sub_type",
    "state_or_province",
    "city",
    "municipality_code",
    "postal_code",
    "nearest_station",
    "currency",
)
for _name in EQUALITIES:
    Index(
        f"listings_by_{_name}",
        listings.c[_name],
        listings.c.modification_timestamp.desc(),
        listings.c.listing_key.desc(),
        postgresql_where=listings.c.visible & listings.c[_name].is_not(None),
    )
for _name in ("bedrooms_total", "year_built", "walking_minutes"):
    Index(
        f"listings_by_{_name}",
        listings.c[_name],
        postgresql_where=listings.c.visible & listings.c[_name].is_not(None),
    )
for _name in ("living_square_metres", "lot_square_metres", "building_square_metres"):
    Index(
        f"listings_by_{_name}",
        listings.c[_name],
        listings.c.listing_key,
        postgresql_where=listings.c.visible,
    )
Index(
    "listings_by_price",
    listings.c.currency,
    listings.c.list_price,
    listings.c.listing_key,
    postgresql_where=listings.c.visible & listings.c.currency.is_not(None),
)

# Written as its index is: another spelling would be another expression.
GRAMS: Final = func.bukken.grams(listings.c.search_text)
Index(
    "listings_by_text",
    GRAMS,
    postgresql_using="gin",
    postgresql_with={"gin_pending_list_limit": "512"},
)
Index(
    "listings_by_place",
    listings.c.place,
    postgresql_using="gist",
    postgresql_where=listings.c.visible,
)

cursor_keys: Final = Table(
    "cursor_keys",
    metadata,
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("secret", LargeBinary, nullable=False),
)

# The change feed; the migration that makes it says how it works. A number is given once, to what
# is committed, by whoever leads.
unnumbered_events: Final = Table(
    "unnumbered_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("listing_key", String(MAX_KEY_CHARACTERS), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column(
        "written_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.clock_timestamp(),
    ),
)

events: Final = Table(
    "events",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("listing_key", String(MAX_KEY_CHARACTERS), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("written_at", DateTime(timezone=True), nullable=False),
    Column("numbered_at", DateTime(timezone=True), nullable=False),
)

# One row. `forgotten` is the greatest number no longer kept, `led_at` when the leader last said so.
# Events and inquiries are numbered by one counter and forgotten each by their own.
feed: Final = Table(
    "feed",
    metadata,
    Column("feed_id", Uuid, nullable=False),
    Column("head", BigInteger, nullable=False),
    Column("forgotten", BigInteger, nullable=False),
    Column("server", Text, nullable=False),
    Column("written_by", Text, nullable=False),
    Column("leader", Uuid, nullable=False),
    Column("led_at", DateTime(timezone=True), nullable=False),
    Column("led_until", DateTime(timezone=True), nullable=False),
    Column("inquiries_forgotten", BigInteger, nullable=False, server_default=text("0")),
)
