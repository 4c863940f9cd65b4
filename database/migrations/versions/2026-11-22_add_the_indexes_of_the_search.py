"""Add the indexes of the search."""

from alembic import op

revision = "20261122_search_indexes"
down_revision = "20261122_searched_by"

# Each equality people filter by, in the order of the list: a page is one range of one index,
# whichever the page, and a value all of whose rows are old costs no walk past the newer ones.
# Partial: most of these fields are unknown in half of the sources, and a tombstone is never found.
EQUALITIES = (
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

# Of these a range alone; the order is another's. Small: equal values share an entry.
RANGES = ("bedrooms_total", "year_built", "walking_minutes")

# Unknown ones stand in it too: they end the sorted list.
AREAS = ("living_square_metres", "lot_square_metres", "building_square_metres")

INDEXES = {
    # The keys alone, read without the table.
    "listings_keys": "(listing_key) INCLUDE (version) WHERE visible",
    "listings_by_price": (
        "(currency, list_price, listing_key) WHERE visible AND currency IS NOT NULL"
    ),
    **{
        f"listings_by_{name}": (
            f"({name}, modification_timestamp DESC, listing_key DESC) "
            f"WHERE visible AND {name} IS NOT NULL"
        )
        for name in EQUALITIES
    },
    **{f"listings_by_{name}": f"({name}, listing_key) WHERE visible" for name in AREAS},
    **{f"listings_by_{name}": f"({name}) WHERE visible AND {name} IS NOT NULL" for name in RANGES},
    # Not partial: PostgreSQL believes no statistics of a partial index, and these tell a rare word
    # from a frequent one. What is written lately waits in a list that every search reads through:
    # kept short.
    "listings_by_text": "USING gin (bukken.grams(search_text)) WITH (gin_pending_list_limit = 512)",
    "listings_by_place": "USING gist (place) WHERE visible",
}


def upgrade() -> None:
    """CONCURRENTLY: readers and writers go on, so it may wait and take longer than env.py allows.

    27 s for 331,000 rows of the real files on two busy cores, half of them for the text.

    One that failed half-way leaves an invalid index of its name, which is dropped when this is run
    again.
    """
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = '5min'")
        op.execute("SET statement_timeout = '10min'")
        op.execute("SET maintenance_work_mem = '128MB'")
        for name, definition in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS bukken.{name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON bukken.listings {definition}")
        op.execute("ANALYZE bukken.listings")
    op.execute("UPDATE bukken.schema_level SET level = 2")
