"""Requests through the load balancer at a fixed rate, reads and writes, while something happens."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count

import httpx

from bukken_local.issuer import tokens

LISTING = {"StandardStatus": "Active", "PropertyType": "Residential", "City": "渋谷区"}
READS, WRITES = "reads", "writes"
A_SECOND = {READS: 40, WRITES: 20}
CLIENTS = 4
"""For each kind. Each has a connection of its own and sends its next request on time, unless the
one before is still under way: the others do not wait for it."""


class Traffic:
    """What was answered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: Counter[tuple[str, str]] = Counter()

    def note(self, kind: str, answer: str) -> None:
        """Counts an answer, or what there was in its place."""
        with self._lock:
            self._answers[kind, answer] += 1

    def take(self) -> dict[str, Counter[str]]:
        """All answers since the last time, by kind of request."""
        with self._lock:
            answers, self._answers = self._answers, Counter()
        taken: dict[str, Counter[str]] = {kind: Counter() for kind in A_SECOND}
        for (kind, answer), times in answers.items():
            taken[kind][answer] = times
        return taken


@contextmanager
def steady(platform: Mapping[str, object]) -> Iterator[Traffic]:
    """Traffic to a platform, given its description, within the block."""
    traffic, ended = Traffic(), threading.Event()
    senders = [
        threading.Thread(target=_send, args=(kind, number, platform, traffic, ended))
        for kind in A_SECOND
        for number in range(CLIENTS)
    ]
    for sender in senders:
        sender.start()
    try:
        yield traffic
    finally:
        ended.set()
        for sender in senders:
            sender.join()


def _send(
    kind: str,
    sender: int,
    platform: Mapping[str, object],
    traffic: Traffic,
    ended: threading.Event,
) -> None:
    scope = {READS: "listings.read", WRITES: "listings.write"}[kind]
    bearer = {"Authorization": f"Bearer {tokens.fetch(platform, scopes=[scope])}"}
    wait, due, numbers = CLIENTS / A_SECOND[kind], time.monotonic(), count()
    with httpx.Client(
        base_url=str(platform["url"]), headers=bearer, trust_env=False, timeout=20
    ) as client:
        while not ended.wait(max(0, due - time.monotonic())):
            due = max(due + wait, time.monotonic())
            traffic.note(kind, _ask(client, kind, key=f"{kind}-{sender}-{next(numbers)}"))


def _ask(client: httpx.Client, kind: str, *, key: str) -> str:
    try:
        if kind == WRITES:
            answer = client.put(f"/v1/listings/{key}", json=LISTING)
        else:
            answer = client.get("/v1/listings?limit=5")
    except httpx.TransportError as error:
        return type(error).__name__
    return str(answer.status_code)
