"""Add what listings are searched by."""

from alembic import op

revision = "20261122_searched_by"
down_revision = "20261122_writer"

# Half and full width, Roman case, ヶ and ケ are one to those who search. `lower` under a named
# collation, so that no server's default decides. Newlines stay: they keep the fields apart.
SEARCH_FORM = """
CREATE FUNCTION bukken.search_form(words text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN replace(lower(normalize(words, NFKC) COLLATE pg_catalog.pg_c_utf8), 'ヶ', 'ケ')
"""

# Every character, and every two that stand side by side, as numbers: 21 bits hold a character, so
# no two grams share a number, and comparing numbers builds the index in half the time.
# Why not pg_trgm? Three characters are more than most Japanese words have.
GRAMS = """
CREATE FUNCTION bukken.grams(form text) RETURNS bigint[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ARRAY(SELECT ascii(a)::bigint FROM unnest(string_to_array(form, NULL)) AS a)
        || ARRAY(
            SELECT ascii(a)::bigint << 21 | ascii(b)
            FROM unnest(string_to_array(form, NULL), (string_to_array(form, NULL))[2:]) AS u (a, b)
            WHERE b IS NOT NULL
        )
"""

# The fewest grams that cover a word, for each costs a list to be read, and the planner, who takes
# them for independent, would think of ten grams that nothing has them all.
GRAMS_OF_WORD = """
CREATE FUNCTION bukken.grams_of_word(form text) RETURNS bigint[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE WHEN length(form) = 1 THEN ARRAY[ascii(form)::bigint] ELSE ARRAY(
        SELECT ascii(substr(form, n, 1))::bigint << 21 | ascii(substr(form, n + 1, 1))
        FROM generate_series(1, length(form) - 1) AS n
        WHERE n % 2 = 1 OR n = length(form) - 1
    ) END
"""

# Nothing where the address is not to be displayed: whoever may ask for any circle finds the house.
PLACE = """
CREATE FUNCTION bukken.place(latitude numeric, longitude numeric, displayed boolean)
    RETURNS bukken.cube
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN displayed IS NOT FALSE THEN bukken.ll_to_earth(latitude, longitude) END
"""

SQUARE_METRES = """
CREATE FUNCTION bukken.square_metres(area numeric, units text) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE units WHEN 'SquareMeters' THEN area WHEN 'SquareFeet' THEN area * 0.09290304 END
"""

# The parts of an address are joined as Japanese writes them, without a space: 東京都新宿区 is typed
# as one word. The exact foot has eight decimals and an area two: nothing is rounded.
COLUMNS = """
ALTER TABLE bukken.listings
    ADD COLUMN search_text text GENERATED ALWAYS AS (bukken.search_form(
        coalesce(state_or_province, '') || coalesce(city, '') || coalesce(subdivision_name, '')
        || coalesce(E'\\n' || CASE WHEN internet_address_display_yn IS NOT FALSE
            THEN unparsed_address END, '')
        || coalesce(E'\\n' || nearest_station, '') || coalesce(E'\\n' || floor_plan, '')
        || coalesce(E'\\n' || public_remarks, '')
    )) STORED,
    ADD COLUMN living_square_metres numeric(22, 10)
        GENERATED ALWAYS AS (bukken.square_metres(living_area, living_area_units)) STORED,
    ADD COLUMN lot_square_metres numeric(22, 10)
        GENERATED ALWAYS AS (bukken.square_metres(lot_size_area, lot_size_units)) STORED,
    ADD COLUMN building_square_metres numeric(22, 10)
        GENERATED ALWAYS AS (bukken.square_metres(building_area_total, building_area_units)) STORED,
    ADD COLUMN place bukken.cube GENERATED ALWAYS AS (
        bukken.place(latitude, longitude, internet_address_display_yn)
    ) STORED
"""

# Made by the migration, so that every Pod in every place has the same without being told. To
# rotate: insert the next number; a day later, when the last cursor has expired, delete the old one.
CURSOR_KEYS = """
CREATE TABLE bukken.cursor_keys (
    number smallint PRIMARY KEY,
    secret bytea NOT NULL CHECK (length(secret) >= 32)
)
"""
FIRST_KEY = """
INSERT INTO bukken.cursor_keys
    VALUES (1, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
        || uuid_send(gen_random_uuid()))
"""


def upgrade() -> None:
    """Generated columns and not columns that the application writes.

    The code before this one goes on writing while this is there; it knows none of them, and its
    rows are found all the same. Nothing is to be filled in afterwards.

    The price: a stored column rewrites the table under an exclusive lock, 4.2 s for 331,000 rows of
    the real files on two busy cores, so 13 s for a million, and more where remarks are long. A
    table ten times as large gets plain columns instead, a trigger that fills them, a backfill by
    key in steps of some thousands, and then the same indexes.
    """
    for statement in (SEARCH_FORM, GRAMS, GRAMS_OF_WORD, PLACE, SQUARE_METRES, COLUMNS):
        op.execute(statement)
    op.execute(CURSOR_KEYS)
    op.execute(FIRST_KEY)
    op.execute("REVOKE INSERT, UPDATE, DELETE ON bukken.cursor_keys FROM bukken_writer")
