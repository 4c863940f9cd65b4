"""Create the listings table."""

from alembic import op

revision = "20261122_listings"
down_revision = None

LISTINGS = """
CREATE TABLE bukken.listings (
    listing_key varchar(255) NOT NULL,
    version bigint NOT NULL,
    source_version bigint,
    source_digest bytea,
    original_entry_timestamp timestamptz NOT NULL,
    modification_timestamp timestamptz NOT NULL,
    status_change_timestamp timestamptz,
    price_change_timestamp timestamptz,
    photos_change_timestamp timestamptz,
    removed_at timestamptz,
    ever_visible boolean NOT NULL,
    visible boolean GENERATED ALWAYS AS (
        removed_at IS NULL AND standard_status <> 'Incomplete'
        AND internet_entire_listing_display_yn IS DISTINCT FROM false
    ) STORED,

    standard_status varchar(50),
    property_type varchar(50),
    property_sub_type varchar(50),
    mls_status varchar(50),
    listing_id varchar(255),
    originating_system_name varchar(255),
    originating_system_key varchar(255),
    list_office_name varchar(255),

    list_price numeric(14, 2),
    original_list_price numeric(14, 2),
    close_price numeric(14, 2),
    currency varchar(3),

    listing_contract_date date,
    on_market_date date,
    close_date date,

    country varchar(2),
    state_or_province varchar(50),
    city varchar(50),
    municipality_code varchar(50),
    subdivision_name varchar(255),
    postal_code varchar(50),
    unparsed_address varchar(255),
    unit_number varchar(50),
    latitude numeric(10, 8),
    longitude numeric(11, 8),
    nearest_station varchar(255),
    walking_minutes smallint,
    walking_minutes_max smallint,

    bedrooms_total smallint,
    bathrooms_total_integer smallint,
    bathrooms_full smallint,
    bathrooms_three_quarter smallint,
    bathrooms_half smallint,
    bathrooms_one_quarter smallint,
    floor_plan varchar(255),
    living_area numeric(14, 2),
    living_area_units varchar(50),
    lot_size_area numeric(14, 2),
    lot_size_units varchar(50),
    building_area_total numeric(14, 2),
    building_area_units varchar(50),
    above_grade_finished_area numeric(14, 2),
    above_grade_finished_area_units varchar(50),
    below_grade_finished_area numeric(14, 2),
    below_grade_finished_area_units varchar(50),
    area_is_minimum_yn boolean,
    stories smallint,
    levels varchar(50)[],
    year_built smallint,
    year_built_details varchar(255),
    year_built_effective smallint,

    construction_materials varchar(50)[],
    current_use varchar(50)[],
    zoning varchar(255),
    building_coverage_ratio numeric(7, 2),
    floor_area_ratio numeric(7, 2),
    lot_features varchar(50)[],
    frontage_length varchar(255),
    road_frontage_type varchar(50)[],
    view varchar(50)[],
    waterfront_yn boolean,

    public_remarks varchar(4000),
    media jsonb,
    internet_entire_listing_display_yn boolean,
    internet_address_display_yn boolean,

    CONSTRAINT listings_pkey PRIMARY KEY (listing_key),
    CONSTRAINT listings_version_is_positive CHECK (version > 0),
    CONSTRAINT listings_live_ones_have_status_and_type CHECK (
        removed_at IS NOT NULL OR (standard_status IS NOT NULL AND property_type IS NOT NULL)
    ),
    CONSTRAINT listings_a_price_has_a_currency CHECK (
        currency IS NOT NULL OR coalesce(list_price, original_list_price, close_price) IS NULL
    )
)
"""

NEWEST_FIRST = """
CREATE INDEX listings_newest_first
    ON bukken.listings (modification_timestamp DESC, listing_key DESC) WHERE visible
"""


def upgrade() -> None:
    """The first of all: there is no code before it."""
    op.execute("CREATE TABLE bukken.schema_level (level integer NOT NULL)")
    op.execute("CREATE UNIQUE INDEX schema_level_is_one_row ON bukken.schema_level ((true))")
    op.execute("INSERT INTO bukken.schema_level VALUES (1)")
    op.execute(LISTINGS)
    op.execute(NEWEST_FIRST)
