"""Who follows a primary, and the slots that keep what they have not had yet."""

from typing import Any

import psycopg

Master = psycopg.AsyncConnection[tuple[Any, ...]]

_SLOT = "SELECT wal_status <> 'lost' FROM pg_replication_slots WHERE slot_name = %s"
_FOLLOWER = "SELECT state, sync_state FROM pg_stat_replication WHERE application_name = %s"


async def keep_slot(primary: Master, name: str) -> bool:
    """Make the slot if there is none; False if its follower cannot go on from where it was."""
    row = await (await primary.execute(_SLOT, [name])).fetchone()
    if row == (True,):
        return True
    if row:
        await primary.execute("SELECT pg_drop_replication_slot(%s)", [name])
    await primary.execute("SELECT pg_create_physical_replication_slot(%s, true)", [name])
    return False


async def is_followed(primary: Master, name: str, *, state: str) -> bool:
    """Whether somebody of that name follows, in that state."""
    rows = await (await primary.execute(_FOLLOWER, [name])).fetchall()
    return any(state in row for row in rows)
