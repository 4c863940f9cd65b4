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
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from bukken_contract.keys import MAX_KEY_CHARACTERS
from bukken_contract.listing import Listing, MediaItem, Places

# Counted up by the migration that a release of ours first needs. A process is not ready on an
# older schema; on a newer one it works, since each migration works with the code before it.
SCHEMA_LEVEL: Final = 1

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
