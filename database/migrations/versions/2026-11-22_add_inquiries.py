"""Add inquiries."""

from alembic import op

revision = "20261122_inquiries"
down_revision = "20261122_feed"

# Inbox, queue and record in one row, so that there is one place where a person's words are and one
# from which they are taken.
#
# `tried_since`: the relay parks what it could not deliver within so long after this; a parked one
# that is sent again begins anew. `due_at`, `claimed_by`, `claimed_until`: whose it is, and when it
# is anybody's again. `last_result`: a short code, which a check keeps from ever being what the back
# end said: that may quote the person.
#
# An erased one that was on its way has `delivered_at` too: the record says what happened.
INQUIRIES = """
CREATE TABLE bukken.inquiries (
    inquiry_key varchar(36) NOT NULL PRIMARY KEY,
    poster varchar(255) NOT NULL,
    idempotency_key varchar(64) NOT NULL,
    request_digest bytea,
    listing_key varchar(255) NOT NULL,
    name varchar(150),
    email varchar(254),
    phone varchar(20),
    message varchar(4000),
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state varchar(10) NOT NULL DEFAULT 'pending',
    attempts integer NOT NULL DEFAULT 0,
    tried_since timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    claimed_by text,
    claimed_until timestamptz,
    last_attempt_at timestamptz,
    last_result varchar(40),
    snapshot varchar(11),
    delivered_at timestamptz,
    parked_at timestamptz,
    person_removed_at timestamptz,
    person_removed_because varchar(9),
    number bigint,
    numbered_at timestamptz,
    CONSTRAINT inquiries_one_for_each_idempotency_key UNIQUE (poster, idempotency_key),
    CONSTRAINT inquiries_number_is_given_once UNIQUE (number),
    CONSTRAINT inquiries_state_is_known
        CHECK (state IN ('pending', 'delivered', 'parked', 'erased')),
    CONSTRAINT inquiries_snapshot_is_known
        CHECK (snapshot IN ('attached', 'unavailable', 'gone')),
    CONSTRAINT inquiries_result_is_a_code CHECK (last_result ~ '^[a-z0-9-]+$'),
    CONSTRAINT inquiries_delivered_has_a_time
        CHECK (state <> 'delivered' OR delivered_at IS NOT NULL),
    CONSTRAINT inquiries_parked_has_a_time CHECK ((state = 'parked') = (parked_at IS NOT NULL)),
    CONSTRAINT inquiries_person_is_there_or_removed CHECK (
        CASE WHEN person_removed_at IS NULL
        THEN name IS NOT NULL AND message IS NOT NULL AND request_digest IS NOT NULL
            AND (email IS NOT NULL OR phone IS NOT NULL) AND state <> 'erased'
            AND person_removed_because IS NULL
        ELSE num_nonnulls(name, email, phone, message, request_digest) = 0
            AND state IN ('delivered', 'erased')
            AND person_removed_because IN ('request', 'retention')
        END)
)
"""

INDEXES = (
    "CREATE INDEX inquiries_due ON bukken.inquiries (due_at) WHERE state = 'pending'",
    "CREATE INDEX inquiries_parked ON bukken.inquiries (parked_at) WHERE state = 'parked'",
    # In the order they came in, nearly: a key begins with its time.
    "CREATE INDEX inquiries_unnumbered ON bukken.inquiries (inquiry_key) WHERE number IS NULL",
    (
        "CREATE INDEX inquiries_with_person ON bukken.inquiries (received_at) "
        "WHERE person_removed_at IS NULL"
    ),
)

# The numbers are of the feed's own row: one counter, so that what is done for lost and restored
# data is done for both, and one leader. Only what committed is numbered, and in the transaction
# that shows the number; who does not lead gives none, nor on a server that the feed does not know
# yet, nor where its row was restored: there number_events comes first. One that somebody holds is
# left for the next time, or its lock would keep the change feed waiting as well.
NUMBER = """
CREATE FUNCTION bukken.number_inquiries(
    candidate uuid, seen bigint, most integer,
    OUT numbered integer, OUT last bigint
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    head bigint;
BEGIN
    numbered := 0;
    last := seen;
    IF NOT EXISTS (SELECT FROM bukken.inquiries WHERE number IS NULL) THEN
        RETURN;
    END IF;

    SELECT f.head INTO head FROM bukken.feed AS f
    WHERE f.leader = candidate AND f.led_until > clock_timestamp()
        AND f.head >= seen AND f.server = bukken.server_identity()
        AND f.written_by = f.xmin::text FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;

    WITH first AS (
        SELECT i.inquiry_key, row_number() OVER (ORDER BY i.inquiry_key) AS place
        FROM (
            SELECT u.inquiry_key FROM bukken.inquiries AS u
            WHERE u.number IS NULL ORDER BY u.inquiry_key LIMIT most
            FOR UPDATE SKIP LOCKED
        ) AS i
    )
    UPDATE bukken.inquiries AS i SET number = head + first.place, numbered_at = clock_timestamp()
    FROM first WHERE i.inquiry_key = first.inquiry_key;
    GET DIAGNOSTICS numbered = ROW_COUNT;

    last := head + numbered;
    UPDATE bukken.feed AS f SET head = last, written_by = bukken.own_transaction();
END
$$
"""

# What waits keeps its person however old it is: it is not delivered. One that is parked for so long
# is given up with its person, and after weeks of alarms. The numbers are forgotten in their order,
# from the first, so that what is kept has no hole. A row without its person stays, as the record.
FORGET = """
CREATE FUNCTION bukken.forget_inquiries(kept interval, most integer, OUT forgotten integer)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    oldest timestamptz := now() - greatest(kept, interval '7 days');
    upto bigint;
BEGIN
    SELECT max(o.number) INTO upto FROM (
        SELECT e.number, bool_and(e.numbered_at < oldest) OVER (ORDER BY e.number) AS is_old
        FROM (
            SELECT i.number, i.numbered_at FROM bukken.inquiries AS i
            WHERE i.number > (SELECT f.inquiries_forgotten FROM bukken.feed AS f)
            ORDER BY i.number LIMIT most
        ) AS e
    ) AS o WHERE o.is_old;
    UPDATE bukken.feed AS f SET inquiries_forgotten = greatest(f.inquiries_forgotten, upto),
        written_by = bukken.own_transaction()
    WHERE upto IS NOT NULL AND f.written_by = f.xmin::text;

    UPDATE bukken.inquiries AS i
    SET name = NULL, email = NULL, phone = NULL, message = NULL, request_digest = NULL,
        person_removed_at = clock_timestamp(), person_removed_because = 'retention',
        state = CASE i.state WHEN 'parked' THEN 'erased' ELSE i.state END, parked_at = NULL
    WHERE i.inquiry_key IN (
        SELECT o.inquiry_key FROM bukken.inquiries AS o
        WHERE o.person_removed_at IS NULL AND o.received_at < oldest AND o.state <> 'pending'
        ORDER BY o.received_at LIMIT most FOR UPDATE SKIP LOCKED);
    GET DIAGNOSTICS forgotten = ROW_COUNT;
END
$$
"""

# Numbers are the sequencer's to give, and what was accepted stays: whoever has the writer's
# password can neither renumber nor delete. The reader needs neither the digest nor the relay's
# columns.
RIGHTS = (
    "REVOKE INSERT, UPDATE, DELETE ON bukken.inquiries FROM bukken_writer",
    """
    GRANT INSERT (inquiry_key, poster, idempotency_key, request_digest, listing_key,
        name, email, phone, message) ON bukken.inquiries TO bukken_writer
    """,
    """
    GRANT UPDATE (name, email, phone, message, request_digest, state, attempts, tried_since, due_at,
        claimed_by, claimed_until, last_attempt_at, last_result, snapshot, delivered_at, parked_at,
        person_removed_at, person_removed_because) ON bukken.inquiries TO bukken_writer
    """,
    "REVOKE SELECT ON bukken.inquiries FROM bukken_reader",
    """
    GRANT SELECT (inquiry_key, poster, listing_key, name, email, phone, message, received_at, state,
        attempts, last_attempt_at, last_result, snapshot, delivered_at, parked_at,
        person_removed_at, number, numbered_at) ON bukken.inquiries TO bukken_reader
    """,
    "REVOKE ALL ON FUNCTION bukken.number_inquiries(uuid, bigint, integer) FROM PUBLIC",
    "REVOKE ALL ON FUNCTION bukken.forget_inquiries(interval, integer) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION bukken.number_inquiries(uuid, bigint, integer) TO bukken_writer",
    "GRANT EXECUTE ON FUNCTION bukken.forget_inquiries(interval, integer) TO bukken_writer",
)


def upgrade() -> None:
    """Nothing of it is used by the code before; the feed's new column has a default."""
    op.execute(INQUIRIES)
    for statement in INDEXES:
        op.execute(statement)
    op.execute("ALTER TABLE bukken.feed ADD COLUMN inquiries_forgotten bigint NOT NULL DEFAULT 0")
    for statement in (NUMBER, FORGET, *RIGHTS):
        op.execute(statement)
    op.execute("UPDATE bukken.schema_level SET level = 4")
