"""Open-loop load, as a process of its own: `python -m drills.load PLAN ANSWERS`.

Each request is sent when it is due, whatever became of the ones before: a client that waits for its
answer asks nothing while the platform stands still, and so never sees that it did. Ends at SIGTERM,
when all that is under way has been answered. A surge of reads comes between SIGUSR1 and SIGUSR2.

Two kinds of client, one of each in two: one never asks again; one does as docs/writing-listings.md
says: after 429, 502, 503, 504 or a broken connection the same, after `Retry-After` or a pause that
grows.
"""

import asyncio
import heapq
import json
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from itertools import cycle, repeat
from pathlib import Path
from signal import SIGTERM, SIGUSR1, SIGUSR2
from typing import Any, Final, TextIO

import httpx
import msgspec

LONGEST_PAUSE_SECONDS: Final = 2.0
NOT_NOW: Final = frozenset({429, 502, 503, 504})
READ_KEY: Final = "drill-read"
LISTING: Final = {"StandardStatus": "Active", "PropertyType": "Residential", "City": "渋谷区"}
PERSON: Final = {"FullName": "内見 する人", "Email": "drill@example.com"}
# Of the client, not of the contract: longer than any time-out on the way.
_TIMEOUT: Final = httpx.Timeout(25, connect=10)
# A search beside every three reads of one listing.
_SEARCH_EVERY: Final = 4
SWEEP_STEPS: Final = 20


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be sent.

    Attributes:
        urls: by kind of request, whom to ask.
        tokens: by kind.
        a_second: by kind, how many.
        burst: by kind, how many at once every `burst_seconds`.
        connections: how many clients take turns; each opens more when its own are busy.
        run: a word that no other run's keys begin with.
        surge: reads a second beside them while it lasts, by clients that never ask again.
        sweep_seconds: how much longer a pause between bursts becomes, step by step, and then anew.
        patience_seconds: after so long a patient client gives up too.
    """

    urls: dict[str, str]
    tokens: dict[str, str]
    a_second: dict[str, float]
    burst: dict[str, int]
    burst_seconds: float
    connections: int
    run: str
    surge: float = 0
    sweep_seconds: float = 0
    patience_seconds: float = 60


class Sender:
    """Sends, and writes down what came."""

    def __init__(self, plan: Plan, *, clients: list[httpx.AsyncClient], to: TextIO) -> None:
        self._plan = plan
        self._clients = clients
        self._to = to
        self._sent: Counter[str] = Counter()
        self._under_way: set[asyncio.Task[None]] = set()
        self._chance = random.Random(plan.run)  # noqa: S311 — no secret

    def send(self, kind: str, *, due: float, ever_patient: bool = True) -> None:
        """Sends one; returns at once. One client in two is patient, unless none is."""
        # Each kind is counted by itself: of all together, one kind's might all be of one parity.
        number, self._sent[kind] = self._sent[kind], self._sent[kind] + 1
        patient = ever_patient and self._is_patient(number)
        sending = self._send(kind, due=due, number=number, patient=patient)
        task = asyncio.create_task(sending)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def finish(self) -> None:
        """Waits for all answers."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    async def _send(self, kind: str, *, due: float, number: int, patient: bool) -> None:
        key = f"{self._plan.run}-{kind}-{number}"
        client = self._clients[number % len(self._clients)]
        asked = self._question(kind, key=key, number=number)
        attempts = 0
        while True:
            attempts += 1
            answer, status = await _answered(client, asked)
            again = answer is None or answer.status_code in NOT_NOW
            over = time.monotonic() - due > self._plan.patience_seconds
            if not (patient and again) or over:
                break
            await asyncio.sleep(self._pause(answer, attempts=attempts))
        written = key if kind in ("writes", "inquiries") else ""
        receipt = _receipt(answer) if kind == "inquiries" else ""
        took = time.monotonic() - due
        line = [due, took, kind, patient, status, attempts, written, receipt]
        self._to.write(json.dumps(line) + "\n")

    def _is_patient(self, number: int) -> bool:
        """One of each two; which, is chance.

        By turns, all of the others would go to one of two Pods, as a load balancer takes turns too.
        """
        pair = random.Random(f"{self._plan.run}-{number // 2}")  # noqa: S311 — no secret
        return (number + pair.getrandbits(1)) % 2 == 1

    def _pause(self, answer: httpx.Response | None, *, attempts: int) -> float:
        said = answer.headers.get("Retry-After", "") if answer is not None else ""
        if said.isdecimal():
            return float(said)
        pause: float = min(LONGEST_PAUSE_SECONDS, 0.1 * 2**attempts)
        return pause * (0.5 + self._chance.random() / 2)

    def _question(self, kind: str, *, key: str, number: int) -> dict[str, Any]:
        url, token = self._plan.urls[kind], self._plan.tokens[kind]
        headers = {"Authorization": f"Bearer {token}"}
        if kind == "writes":
            # A version of the source's own: the same message again is known by it.
            headers["Source-Version"] = "1"
            path = f"/v1/listings/{key}"
            return {"method": "PUT", "url": url + path, "headers": headers, "json": LISTING}
        if kind == "inquiries":
            headers["Idempotency-Key"] = key
            # By it the inquiry is found, also by whoever was not told what it is called.
            body = {**PERSON, "ListingKey": READ_KEY, "Message": key}
            return {
                "method": "POST",
                "url": f"{url}/v1/inquiries",
                "headers": headers,
                "json": body,
            }
        if kind == "mesh":
            headers["Host"] = "query-api"
        path = read_path(number // 2) if kind == "reads" else read_path(1)
        return {"method": "GET", "url": url + path, "headers": headers}


def read_path(number: int) -> str:
    """What the reader of this number asks for, from 0."""
    return f"/v1/listings/{READ_KEY}" if number % _SEARCH_EVERY else "/v1/listings?limit=5"


async def _answered(
    client: httpx.AsyncClient, asked: dict[str, Any]
) -> tuple[httpx.Response | None, str]:
    try:
        answer = await client.request(**asked)
    except httpx.TransportError as error:
        return None, type(error).__name__
    return answer, str(answer.status_code)


def _receipt(answer: httpx.Response | None) -> str:
    if answer is None or not answer.is_success:
        return ""
    key: str = answer.json()["InquiryKey"]
    return key


def schedule(plan: Plan, *, began: float) -> Iterator[tuple[float, str]]:
    """When each request is due, and its kind, in their order and without end."""
    steady = [
        _each(began, kind, 1, repeat(1 / rate)) for kind, rate in plan.a_second.items() if rate
    ]
    bursts = [
        _each(began, kind, many, _pauses(plan.burst_seconds, sweep=plan.sweep_seconds))
        for kind, many in plan.burst.items()
        if many
    ]
    return heapq.merge(*steady, *bursts)


def _each(due: float, kind: str, many: int, pauses: Iterable[float]) -> Iterator[tuple[float, str]]:
    for pause in pauses:
        yield from repeat((due, kind), many)
        due += pause


def _pauses(seconds: float, *, sweep: float) -> Iterator[float]:
    for step in cycle(range(SWEEP_STEPS)):
        yield seconds + sweep * step / SWEEP_STEPS


async def send_all(plan: Plan, *, to: TextIO) -> None:
    """Sends until SIGTERM."""
    over, surges, surged = (_at(each) for each in (SIGTERM, SIGUSR1, SIGUSR2))
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(_client()) for _ in range(plan.connections)]
        sender = Sender(plan, clients=clients, to=to)
        surge = asyncio.create_task(_surge(plan, sender=sender, begins=surges, ends=surged))
        usual = schedule(plan, began=time.monotonic())
        await _send_until(over, usual, send=sender.send)
        surge.cancel()
        await sender.finish()


def _at(number: signal.Signals) -> asyncio.Event:
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(number, told.set)
    return told


async def _surge(plan: Plan, *, sender: Sender, begins: asyncio.Event, ends: asyncio.Event) -> None:
    await begins.wait()
    dues = _each(time.monotonic(), "reads", 1, repeat(1 / plan.surge))
    await _send_until(ends, dues, send=partial(sender.send, ever_patient=False))


async def _send_until(
    told: asyncio.Event, dues: Iterator[tuple[float, str]], *, send: Callable[..., None]
) -> None:
    for due, kind in dues:
        if (wait := due - time.monotonic()) > 0:
            await _at_most(told, seconds=wait)
        if told.is_set():
            return
        send(kind, due=due)


def _client() -> httpx.AsyncClient:
    # Kept below the load balancer's idle time-out (60 s), as a client should that knows it.
    limits = httpx.Limits(max_connections=None, keepalive_expiry=50)
    return httpx.AsyncClient(limits=limits, timeout=_TIMEOUT, trust_env=False)


async def _at_most(told: asyncio.Event, *, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await told.wait()
    except TimeoutError:
        return


def main() -> None:
    """Reads the plan, and sends."""
    plan, answers = map(Path, sys.argv[1:])
    with answers.open("w", encoding="utf-8") as to:
        asyncio.run(send_all(msgspec.json.decode(plan.read_bytes(), type=Plan), to=to))


if __name__ == "__main__":
    main()
