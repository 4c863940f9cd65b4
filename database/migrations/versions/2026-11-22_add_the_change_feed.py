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
# `written_by`: the transaction that wrote the row. It is the row's own xmin, unless somebody else
# put the row there: a restored dump, or a hand.
FEED = """
CREATE TABLE bukken.feed (
    feed_id uuid NOT NULL,
    head bigint NOT NULL,
    forgotten bigint NOT NULL,
    server text NOT NULL,
    written_by text NOT NULL,
    leader uuid NOT NULL,
    led_at timestamptz NOT NULL,
    led_until timestamptz NOT NULL
)
"""

# What was written before there was a feed is in none of its events: who asks from the beginning is
# told to export.
FIRST_ROW = """
INSERT INTO bukken.feed
SELECT gen_random_uuid(), n, n, bukken.server_identity(), bukken.own_transaction(),
    gen_random_uuid(), to_timestamp(0), to_timestamp(0)
FROM (SELECT count(*) AS n FROM (SELECT FROM bukken.listings LIMIT 1) AS one) AS begun
"""

# The cluster, and its timeline: another one after each promotion and each recovery to a point in
# time. Not every service of PostgreSQL tells.
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

OWN_TRANSACTION = """
CREATE FUNCTION bukken.own_transaction() RETURNS text LANGUAGE sql
    RETURN (pg_current_xact_id()::xid)::text
"""

# A promoted standby cannot know whether it has all that was acknowledged. Who promoted it can, and
# says so by naming both timelines in a setting: a plain yes would be a promise about the next one.
GOES_ON = """
CREATE FUNCTION bukken.goes_on(before text, here text) RETURNS boolean LANGUAGE sql
    RETURN here = before OR (
        split_part(here, ':', 1) = split_part(before, ':', 1)
        AND coalesce(current_setting('bukken.nothing_lost_between', true), '')
            = split_part(before, ':', 2) || ' ' || split_part(here, ':', 2)
    )
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

# TRUNCATE makes no event for a row: partners would keep what is gone for ever.
TRUNCATED = """
CREATE FUNCTION bukken.begin_another_feed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    UPDATE bukken.feed SET written_by = 'nobody';
    RETURN NULL;
END
$$
"""

# At once, in the order of their ids.
TAKE = """
CREATE FUNCTION bukken.take_events(head bigint, most integer) RETURNS integer
    LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    numbered integer;
BEGIN
    WITH first AS (SELECT u.id FROM bukken.unnumbered_events AS u ORDER BY u.id LIMIT most),
    taken AS (
        DELETE FROM bukken.unnumbered_events AS u USING first WHERE u.id = first.id RETURNING u.*
    )
    INSERT INTO bukken.events
    SELECT head + row_number() OVER (ORDER BY t.id),
        t.listing_key, t.version, t.written_at, clock_timestamp()
    FROM taken AS t;
    GET DIAGNOSTICS numbered = ROW_COUNT;
    RETURN numbered;
END
$$
"""

# The leader's question when there is nothing to do: it locks nothing and writes nothing.
HEAD_AT_REST = """
CREATE FUNCTION bukken.head_at_rest(candidate uuid, seen bigint, lease interval) RETURNS bigint
    LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    RETURN (
        SELECT f.head FROM bukken.feed AS f
        WHERE f.leader = candidate AND f.led_until > clock_timestamp() + lease / 2
            AND f.head >= seen AND f.written_by = f.xmin::text AND lease > interval '0'
            AND NOT EXISTS (SELECT FROM bukken.unnumbered_events)
    );
END
$$
"""

# Who has not the lead finds no row, locks none and writes nothing. Two who both take it come one
# after the other: the second looks at the row again when the first has committed. The primary key
# of the events is the fence behind that.
#
# Where data may have gone back, every partner begins anew: another feed. Its numbers are far above
# all that any candidate was given in the old one, or each of them would take it for lost again.
NUMBER = """
CREATE FUNCTION bukken.number_events(
    candidate uuid, seen bigint, most integer, lease interval,
    OUT numbered integer, OUT last bigint
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    feed record;
    here text;
BEGIN
    last := bukken.head_at_rest(candidate, seen, lease);
    IF last IS NOT NULL THEN
        numbered := 0;
        RETURN;
    END IF;

    SELECT f.*, f.written_by = f.xmin::text AS is_ours INTO feed FROM bukken.feed AS f
    WHERE f.leader = candidate OR f.led_until <= clock_timestamp() FOR UPDATE;
    IF NOT FOUND THEN
        last := greatest(seen, (SELECT f.head FROM bukken.feed AS f));
        RETURN;
    END IF;

    here := bukken.server_identity();
    IF NOT (feed.is_ours AND seen <= feed.head AND bukken.goes_on(feed.server, here)) THEN
        feed.feed_id := gen_random_uuid();
        feed.head := greatest(seen, feed.head) + 1000000;
    END IF;

    numbered := bukken.take_events(feed.head, most);
    last := feed.head + numbered;
    UPDATE bukken.feed AS f SET feed_id = feed.feed_id, head = last,
        server = here, written_by = bukken.own_transaction(), leader = candidate,
        led_at = clock_timestamp(), led_until = clock_timestamp() + lease;
END
$$
"""

# In the order of the numbers, from the first, so that what is kept has no hole. Not in a row that
# was restored: written here, it would look as if it had always been ours.
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
    UPDATE bukken.feed AS f SET forgotten = upto, written_by = bukken.own_transaction()
    WHERE upto IS NOT NULL AND f.written_by = f.xmin::text;
    IF NOT FOUND THEN
        forgotten := 0;
        RETURN;
    END IF;
    DELETE FROM bukken.events AS e WHERE e.sequence <= upto;
    GET DIAGNOSTICS forgotten = ROW_COUNT;
END
$$
"""

TRUNCATE_TRIGGER = """
CREATE TRIGGER feed_of_truncate AFTER TRUNCATE ON bukken.listings
FOR EACH STATEMENT EXECUTE FUNCTION bukken.begin_another_feed()
"""

RIGHTS = (
    """
    REVOKE INSERT, UPDATE, DELETE ON bukken.unnumbered_events, bukken.events, bukken.feed
    FROM bukken_writer
    """,
    # By default PUBLIC may call every function, the reader too.
    "REVOKE ALL ON FUNCTION bukken.record_event() FROM PUBLIC",
    "REVOKE ALL ON FUNCTION bukken.begin_another_feed() FROM PUBLIC",
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
    for statement in (SERVER_IDENTITY, OWN_TRANSACTION, GOES_ON, UNNUMBERED, EVENTS, FEED):
        op.execute(statement)
    op.execute("CREATE UNIQUE INDEX feed_is_one_row ON bukken.feed ((true))")
    for statement in (RECORD, TRUNCATED, HEAD_AT_REST, TAKE, NUMBER, FORGET):
        op.execute(statement)
    for statement in (*TRIGGERS, TRUNCATE_TRIGGER):
        op.execute(statement)
    # After the triggers: what was committed before they were there is found here.
    op.execute(FIRST_ROW)
    for statement in RIGHTS:
        op.execute(statement)
    op.execute("UPDATE bukken.schema_level SET level = 3")
