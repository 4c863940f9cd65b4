import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from staged_pod import Stage, play

from bukken_local.database.endpoint import Address
from bukken_local.kubernetes.cluster_ip import PORT, ClusterIp
from bukken_local.kubernetes.delays import Delays

HOST = "127.0.241.1"


async def opened(
    stage: Stage, story: Callable[[ClusterIp], Awaitable[None]], *, delays: Delays
) -> None:
    """Plays with the one address of the stage's Pod."""
    address = ClusterIp(lambda: [stage.pod], delays=delays)
    await address.start(host=HOST)
    try:
        await story(address)
    finally:
        await address.stop()


async def answers() -> bool:
    """Whether a connection to the address is kept open by whoever is behind it."""
    reader, writer = await asyncio.open_connection(HOST, PORT)
    try:
        async with asyncio.timeout(0.5):
            return bool(await reader.read(1))
    except TimeoutError:
        return True
    except ConnectionResetError:
        return False
    finally:
        writer.close()


def test_a_connection_stays_where_it_was_made(tmp_path: Path) -> None:
    """A Pod that leaves the Service keeps its connections: only new ones go elsewhere."""

    async def story(stage: Stage) -> None:
        await stage.until_ready()
        await opened(stage, lambda address: leaves(address, stage), delays=Delays().scaled(50))

    async def leaves(address: ClusterIp, stage: Stage) -> None:
        address.catch_up()
        reader, writer = await asyncio.open_connection(HOST, PORT)
        stage.pod.terminating = True
        address.catch_up()
        assert not await answers()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), timeout=0.3)
        writer.close()
        stage.pod.terminating = False

    play(story, here=tmp_path)


def test_kube_proxy_learns_late(tmp_path: Path) -> None:
    """A Pod that is ready is not behind the address before the rules are written."""

    async def story(stage: Stage) -> None:
        await stage.until_ready()
        await opened(stage, learns, delays=Delays())

    async def learns(address: ClusterIp) -> None:
        address.look(now=0)
        address.look(now=1)
        assert not await answers()
        address.look(now=1.2)
        assert address.answer(now=1.2) == [Address(HOST, PORT).host]

    play(story, here=tmp_path)
