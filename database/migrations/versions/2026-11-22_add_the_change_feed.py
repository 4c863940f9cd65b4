"""Add the change feed."""

from alembic import op

revision = "20261122_feed"
down_revision = "20261122_search_indexes"

# What is written and has no number yet: a queue. `id` is given while the listing's row is locked,
# so that of one listing the ids follow the versions; across listings it says nothing, since who
# took the smaller may commit later. That is why it is not the number partners see.
UNNUMBERED = """
CREATE TABLE bukken.unnumbered_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    listing_key varchar(255) NOT NULL,
    version bigint NOT NULL,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""

EVENTS = """
CREATE TABLE bukken.events (
    sequence bigint NOT NULL PRIMARY KEY,
    listing_key varchar(255) NOT NULL,
    version bigint NOT NULL,
    written_at timestamptz NOT NULL,
    numbered_at timestamptz NOT NULL
)
"""

# `forgotten`: the greatest number that is no longer kept. `server`: whose numbers these are.
FEED = """
CREATE TABLE bukken.feed (
    feed_id uuid NOT NULL,
    head bigint NOT NULL,
    forgotten bigint NOT NULL,
    server text NOT NULL,
    leader uuid NOT NULL,
    led_at timestamptz NOT NULL,
    led_until timestamptz NOT NULL
)
"""

# What was written before there was a feed is in none of its events: who asks from the beginning is
# told to export.
FIRST_ROW = """
INSERT INTO bukken.feed
SELECT gen_random_uuid(), n, n, bukken.server_identity(), gen_random_uuid(),
    to_timestamp(0), to_timestamp(0)
FROM (SELECT count(*) AS n FROM (SELECT FROM bukken.listings LIMIT 1) AS one) AS begun
"""

# The cluster, and how often one of its standbys was promoted. A dump carries the row and not the
# server: restored elsewhere, the two differ. Not every service of PostgreSQL tells.
SERVER_IDENTITY = """
CREATE FUNCTION bukken.server_identity() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT system_identifier FROM pg_catalog.pg_control_system())
        || ':' || left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8);
EXCEPTION WHEN insufficient_privilege OR feature_not_supported THEN
    RETURN 'unknown';
END
$$
"""

# As its owner, so that the writer needs no right on the feed's tables: whoever has its password
# cannot take events out of the feed.
RECORD = """
CREATE FUNCTION bukken.record_event() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO bukken.unnumbered_events (listing_key, version)
        VALUES (OLD.listing_key, OLD.version);
    ELSE
        INSERT INTO bukken.unnumbered_events (listing_key, version)
        VALUES (NEW.listing_key, NEW.version);
    END IF;
    RETURN NULL;
END
$$
"""

# What partners could not see before and cannot see after is not told: not even its key.
TRIGGERS = (
    """
    CREATE TRIGGER event_of_insert AFTER INSERT ON bukken.listings
    FOR EACH ROW WHEN (NEW.visible) EXECUTE FUNCTION bukken.record_event()
    """,
    """
    CREATE TRIGGER event_of_update AFTER UPDATE ON bukken.listings
    FOR EACH ROW WHEN ((OLD.visible OR NEW.visible)
        AND (OLD.version, OLD.visible) IS DISTINCT FROM (NEW.version, NEW.visible))
    EXECUTE FUNCTION bukken.record_event()
    """,
    """
    CREATE TRIGGER event_of_delete AFTER DELETE ON bukken.listings
    FOR EACH ROW WHEN (OLD.visible) EXECUTE FUNCTION bukken.record_event()
    """,
)

# Who has not the lead finds no row, locks none and writes nothing. Two who both take it come one
# after the other: the second looks at the row again when the first has committed. The primary key
# of the events is the fence behind that.
#
# Another timeline: a standby was promoted, perhaps without the last numbers. They are leapt over,
# so that a number which somebody has seen never comes to mean something else. Another cluster, or
# a head that is below what the candidate has seen: the data themselves went back, so that every
# partner has to begin anew: another feed.
NUMBER = """
CREATE FUNCTION bukken.number_events(
    candidate uuid, seen bigint, most integer, lease interval,
    OUT numbered integer, OUT last bigint
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    feed bukken.feed;
    here text;
BEGIN
    SELECT f.head INTO last FROM bukken.feed AS f
    WHERE f.leader = candidate AND f.led_until > clock_timestamp() + lease / 2
        AND f.head >= seen AND lease > interval '0'
        AND NOT EXISTS (SELECT FROM bukken.unnumbered_events);
    IF FOUND THEN
        numbered := 0;
        RETURN;
    END IF;

    SELECT * INTO feed FROM bukken.feed AS f
    WHERE f.leader = candidate OR f.led_until <= clock_timestamp() FOR UPDATE;
    IF NOT FOUND THEN
        last := greatest(seen, (SELECT f.head FROM bukken.feed AS f));
        RETURN;
    END IF;

    here := bukken.server_identity();
    IF split_part(here, ':', 1) <> split_part(feed.server, ':', 1) OR seen > feed.head THEN
        feed.feed_id := gen_random_uuid();
    END IF;
    IF here <> feed.server OR seen > feed.head THEN
        feed.head := greatest(seen, feed.head) + 1000000;
    END IF;

    WITH first AS (SELECT u.id FROM bukken.unnumbered_events AS u ORDER BY u.id LIMIT most),
    taken AS (
        DELETE FROM bukken.unnumbered_events AS u USING first WHERE u.id = first.id RETURNING u.*
    )
    INSERT INTO bukken.events
    SELECT feed.head + row_number() OVER (ORDER BY t.id),
        t.listing_key, t.version, t.written_at, clock_timestamp()
    FROM taken AS t;
    GET DIAGNOSTICS numbered = ROW_COUNT;

    last := feed.head + numbered;
    UPDATE bukken.feed AS f SET feed_id = feed.feed_id, head = last, server = here,
        leader = candidate, led_at = clock_timestamp(), led_until = clock_timestamp() + lease;
END
$$
"""

# In the order of the numbers, from the first, so that what is kept has no hole.
FORGET = """
CREATE FUNCTION bukken.forget_events(kept interval, most integer, OUT forgotten integer)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    upto bigint;
    oldest timestamptz := now() - greatest(kept, interval '7 days');
BEGIN
    SELECT max(o.sequence) INTO upto FROM (
        SELECT e.sequence, bool_and(e.numbered_at < oldest) OVER (ORDER BY e.sequence) AS is_old
        FROM (SELECT * FROM bukken.events ORDER BY sequence LIMIT most) AS e
    ) AS o WHERE o.is_old;
    IF upto IS NULL THEN
        forgotten := 0;
        RETURN;
    END IF;
    UPDATE bukken.feed AS f SET forgotten = upto;
    DELETE FROM bukken.events AS e WHERE e.sequence <= upto;
    GET DIAGNOSTICS forgotten = ROW_COUNT;
END
$$
"""

RIGHTS = (
    """
    REVOKE INSERT, UPDATE, DELETE ON bukken.unnumbered_events, bukken.events, bukken.feed
    FROM bukken_writer
    """,
    # By default PUBLIC may call every function, the reader too.
    "REVOKE ALL ON FUNCTION bukken.record_event() FROM PUBLIC",
    "REVOKE ALL ON FUNCTION bukken.number_events(uuid, bigint, integer, interval) FROM PUBLIC",
    "REVOKE ALL ON FUNCTION bukken.forget_events(interval, integer) FROM PUBLIC",
    (
        "GRANT EXECUTE ON FUNCTION bukken.number_events(uuid, bigint, integer, interval) "
        "TO bukken_writer"
    ),
    "GRANT EXECUTE ON FUNCTION bukken.forget_events(interval, integer) TO bukken_writer",
)


def upgrade() -> None:
    """Triggers, and not code of the application.

    The code before this one writes on while this is there, and after a rollback alone: what it
    writes must be in the feed as well. So must what somebody mends by hand.
    """
    for statement in (SERVER_IDENTITY, UNNUMBERED, EVENTS, FEED):
        op.execute(statement)
    op.execute("CREATE UNIQUE INDEX feed_is_one_row ON bukken.feed ((true))")
    for statement in (RECORD, NUMBER, FORGET):
        op.execute(statement)
    for statement in TRIGGERS:
        op.execute(statement)
    # After the triggers: what was committed before they were there is found here.
    op.execute(FIRST_ROW)
    for statement in RIGHTS:
        op.execute(statement)
    op.execute("UPDATE bukken.schema_level SET level = 3")
