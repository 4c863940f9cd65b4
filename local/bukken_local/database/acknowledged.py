"""What a standby still lacks of all that was acknowledged, when its primary is lost."""

from __future__ import annotations

import asyncio
import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg

# It has replayed all it has and waits for more; asked before, it could look as if it lacked that.
AT_ITS_END = """
SELECT wait_event IN ('RecoveryWalStream', 'RecoveryRetrieveRetryInterval')
FROM pg_stat_activity WHERE backend_type = 'startup'
"""
WHERE = """
SELECT pg_last_wal_replay_lsn()::text, lpad(upper(to_hex(timeline_id)), 8, '0'),
    lpad(upper(to_hex(timeline_id + 1)), 8, '0')
FROM pg_control_checkpoint()
"""


async def settings_of_promotion(
    standby: psycopg.AsyncConnection[tuple[Any, ...]], *, storage: Path, programs: Path
) -> dict[str, str]:
    """With what the standby is to be started, so that nothing is lost when it is promoted.

    It takes from the storage what it lacks itself. The reader may also be ahead: a commit reaches
    it before the storage when the primary dies in between, and may have been seen there.
    """
    row = await (await standby.execute(WHERE)).fetchone()
    if row is None:
        raise LookupError("the standby does not say where it is")
    replayed, before, here = row
    _close(storage)
    promise = {"primary_conninfo": "", "bukken.nothing_lost_between": f"{before} {here}"}
    if not await _has_more(storage, after=replayed, timeline=before, programs=programs):
        return promise
    directory = shlex.quote(str(storage)).replace("%", "%%")
    return promise | {"restore_command": f"cp {directory}/%f %p"}


def _close(storage: Path) -> None:
    """Nobody writes there any more: the last file is one as the others are."""
    for unfinished in storage.glob("*.partial"):
        unfinished.rename(unfinished.with_suffix(""))


async def _has_more(storage: Path, *, after: str, timeline: str, programs: Path) -> bool:
    """Whether the storage has a whole record from there on; a half one was never acknowledged.

    Told no timeline, pg_waldump waits 5 s for the first one's files, and finds nothing.
    """
    asked = await asyncio.create_subprocess_exec(
        programs / "pg_waldump",
        *("--path", storage, "--timeline", str(int(timeline, 16))),
        *("--start", after, "--limit", "1"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    records, _ = await asked.communicate()
    return bool(records)
