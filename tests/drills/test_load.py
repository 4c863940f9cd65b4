import asyncio
import io

import httpx

from drills.load import Plan, Sender

KINDS = ("reads", "writes")


async def _asked(*kinds: str) -> str:
    """What is written down when everybody is answered at once."""
    plan = Plan(
        urls=dict.fromkeys(KINDS, "http://platform"),
        tokens=dict.fromkeys(KINDS, "token"),
        a_second={},
        burst={},
        burst_seconds=0,
        connections=1,
        run="run",
    )
    written = io.StringIO()
    answering = httpx.MockTransport(lambda _: httpx.Response(200))
    async with httpx.AsyncClient(transport=answering) as client:
        sender = Sender(plan, clients=[client], to=written)
        for kind in kinds:
            sender.send(kind, due=0)
        await sender.finish()
    return written.getvalue()


def test_half_of_each_kind_is_by_patient_clients() -> None:
    """Also where two kinds take turns: otherwise all of a kind would ask again, or none."""
    lines = asyncio.run(_asked(*KINDS * 2)).splitlines()

    patient = {kind: [", true, " in line for line in lines if kind in line] for kind in KINDS}
    assert patient == {kind: [False, True] for kind in KINDS}
