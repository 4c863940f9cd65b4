"""Each run of a drill begins from the same place, on a real platform."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import psycopg
import pytest

from bukken_local.state import State
from drills.perform import claimed_port, state_directory
from drills.stage import Stage, staged
from drills.steps.database import (
    FailOver,
    Freeze,
    RestartDatabase,
    RotatePasswords,
    Silence,
    StaleEndpoints,
)
from drills.steps.discovery import Dns
from drills.steps.doing import Doing
from drills.steps.outside import BackEnd, Issuer

SECONDS: Final = 300
FOR_EVER: Final = 600
STEPS: Final[Sequence[Doing]] = (
    Issuer(to="away"),
    BackEnd(does="refuse", seconds=FOR_EVER),
    Dns(answers="empty"),
    StaleEndpoints(seconds=FOR_EVER),
    Silence(endpoint="writer"),
    RotatePasswords(),
    RestartDatabase(server="standby", away_seconds=FOR_EVER),
    Freeze(seconds=FOR_EVER),
)

Condition = Mapping[str, Any]


class Found(NamedTuple):
    """How everybody was who is no Pod."""

    before: Condition
    spoiled: Condition
    anew: Condition
    cut: bool
    failed_over: Condition


@pytest.mark.timeout(SECONDS)
def test_what_steps_have_done_is_undone_before_the_next_run() -> None:
    """Whatever became of them: each is broken off before it has undone anything by itself."""
    found = asyncio.run(played_again())

    assert found.spoiled.keys() == found.before.keys()
    assert [name for name, was in found.spoiled.items() if was == found.before[name]] == []
    assert (found.anew, found.cut, found.failed_over) == (found.before, True, found.before)


async def played_again() -> Found:
    """After all that can be done to them; and after a failover that was broken off."""
    with state_directory() as directory, claimed_port() as port:
        async with staged(State(directory), port=port, time_scale=5, replicas={}) as stage:
            connected, _ = await asyncio.open_connection(*stage.platform.writer.listen)
            before = await condition(stage)
            async with role_held(stage, "bukken_writer"):
                for step in STEPS:
                    await break_off(step, stage=stage)
            spoiled = await condition(stage)
            await stage.play(())
            anew, cut = await condition(stage), connected.at_eof() or connected.exception()
            await break_off(FailOver(after_seconds=FOR_EVER), stage=stage)
            await stage.play(())
            return Found(before, spoiled, anew, bool(cut), await condition(stage))


@asynccontextmanager
async def role_held(stage: Stage, role: str) -> AsyncIterator[None]:
    """Who would give it another password waits."""
    cluster = stage.platform.cluster
    async with cluster.master(cluster.primary) as master, master.transaction(force_rollback=True):
        await master.execute(f"ALTER ROLE {role} CONNECTION LIMIT 100".encode())
        yield


async def break_off(step: Doing, *, stage: Stage) -> None:
    """It does not come to its end, unless that is soon."""
    with suppress(TimeoutError):
        async with asyncio.timeout(3):
            await step(stage)


async def condition(stage: Stage) -> Condition:
    """How everybody is who is no Pod."""
    platform = stage.platform
    issuer = stage.stand_in("issuer").containers["issuer"]
    async with httpx.AsyncClient(trust_env=False) as client:
        back_end = (await client.get(f"{platform.back_end_control_url}/behaviour")).json()
    return {
        "issuer stopped": is_stopped(issuer.pid),
        "back end": back_end["does"],
        "DNS": platform.control_plane.services.outage,
        "stale": [each.stale_seconds for each in (platform.writer, platform.reader)],
        "let in": await is_let_in(stage, "bukken_writer"),
        "servers": sorted(platform.cluster.children),
        "read-only": await stage.sql("SHOW default_transaction_read_only"),
    }


def is_stopped(pid: int | None) -> bool:
    """By SIGSTOP."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


async def is_let_in(stage: Stage, role: str) -> bool:
    """Whether a Pod that is made now can reach the database."""
    host, port = stage.platform.cluster.primary
    password = stage.platform.state.secret(role).read_text()
    try:
        connection = await psycopg.AsyncConnection.connect(
            host=host, port=port, user=role, password=password, dbname="bukken"
        )
    except psycopg.OperationalError:
        return False
    await connection.close()
    return True
