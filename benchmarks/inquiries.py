"""Inquiries on a running platform: how soon they are accepted, and how fast they are delivered.

Each function takes the platform's description (platform.json) and leaves the back end well.
"""

import os
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx

from benchmarks.figures import Figure, Sizes
from benchmarks.starting import running, state_directory
from bukken_local.issuer import tokens
from bukken_local.legacy.ledger import effects

Description = Mapping[str, Any]

LISTING_KEY: Final = "benchmark-of-inquiries"
LISTING: Final = {"StandardStatus": "Active", "PropertyType": "Residential", "City": "渋谷区"}
LOOK_SECONDS: Final = 0.05
# What one relay delivers before the others, which are stopped meanwhile, miss their liveness.
ONE_RELAYS: Final = 1_000


def inquiries(say: Callable[[str], None], sizes: Sizes) -> Iterator[Figure]:
    """On a `make run` of its own, with the shipped number of relays."""
    with state_directory() as state, running(state) as (platform, _):
        say("inquiries: acceptance")
        yield _acceptance(platform, seconds=max(1.0, 5 * sizes.seconds))
        say("inquiries: one relay")
        most = min(ONE_RELAYS, sizes.inquiries)
        with one_relay(platform):
            rate = rate_of(platform, count=most)
        yield Figure(name="deliveries of one relay, /s", ratio=rate, at_least=100)
        say("inquiries: a backlog")
        seconds, count = drained(platform, count=sizes.inquiries), sizes.inquiries
        yield Figure(name=f"backlog of {count:,} inquiries, s", ratio=seconds, at_most=100)


def _acceptance(platform: Description, *, seconds: float) -> Figure:
    rounds = [
        (
            acceptance_p99(platform, hanging=True, seconds=seconds, rate=50),
            acceptance_p99(platform, hanging=False, seconds=seconds, rate=50),
        )
        for _ in range(3)
    ]
    hanging, healthy = (statistics.median(side) for side in zip(*rounds, strict=True))
    raw = {"hanging, ms": round(hanging, 1), "healthy, ms": round(healthy, 1)}
    name = "inquiry accepted, p99: back end hangs ÷ serves"
    return Figure(name=name, ratio=hanging / healthy, at_most=2, raw=raw)


def acceptance_p99(platform: Description, *, hanging: bool, seconds: float, rate: float) -> float:
    """Milliseconds within which 99 of 100 inquiries are accepted, at a fixed rate.

    Args:
        platform: where.
        hanging: whether the back end hangs meanwhile, or serves.
        seconds: for how long.
        rate: inquiries a second, by 8 clients that do not wait for each other.
    """
    _put_listing(platform)
    behave(platform, "hang" if hanging else "serve")
    try:
        took = _at_a_rate(platform, count=int(seconds * rate), rate=rate)
    finally:
        behave(platform, "serve")
    return 1000 * statistics.quantiles(took, n=100)[98]


def drained(platform: Description, *, count: int) -> float:
    """Seconds from the end of a maintenance until so many that waited are in the ledger."""
    _put_listing(platform)
    behave(platform, "refuse")
    known = len(_effects(platform))
    _as_quickly_as_can_be(platform, count=count)
    behave(platform, "serve")
    began = time.monotonic()
    while len(_effects(platform)) < known + count:
        threading.Event().wait(LOOK_SECONDS)
    return time.monotonic() - began


def rate_of(platform: Description, *, count: int) -> float:
    """Deliveries a second while a backlog is drained, from the first delivery to the last."""
    _put_listing(platform)
    behave(platform, "refuse")
    known = len(_effects(platform))
    _as_quickly_as_can_be(platform, count=count)
    behave(platform, "serve")
    first = 0.0
    while (done := len(_effects(platform)) - known) < count:
        first = first or (time.monotonic() if done else 0.0)
        threading.Event().wait(LOOK_SECONDS)
    return count / (time.monotonic() - first)


@contextmanager
def one_relay(platform: Description) -> Iterator[None]:
    """All relays but one do nothing. For less than half a minute, or their liveness ends them."""
    relays = [pod for pod in platform["pods"] if pod["deployment"] == "inquiry-relay"]
    others = [pod["containers"]["app"]["pid"] for pod in relays[1:]]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


def behave(platform: Description, deed: str) -> None:
    """The back end's stand-in does so from now on."""
    url = f"{platform['back_end']['control_url']}/behaviour"
    httpx.put(url, json=[{"does": deed}], trust_env=False).raise_for_status()


def _effects(platform: Description) -> Sequence[str]:
    return effects(Path(platform["back_end"]["ledger"]))


def _put_listing(platform: Description) -> None:
    with _client(platform, scope="listings.write") as client:
        client.put(f"/v1/listings/{LISTING_KEY}", json=LISTING).raise_for_status()


def _client(platform: Description, *, scope: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {tokens.fetch(platform, scopes=[scope])}"}
    return httpx.Client(base_url=platform["url"], headers=headers, trust_env=False, timeout=20)


def _at_a_rate(platform: Description, *, count: int, rate: float) -> list[float]:
    began, took = time.monotonic(), list[float]()
    with _client(platform, scope="inquiries.write") as client, ThreadPoolExecutor(8) as pool:

        def send(number: int) -> None:
            threading.Event().wait(max(0.0, began + number / rate - time.monotonic()))
            asked = time.monotonic()
            _post(client)
            took.append(time.monotonic() - asked)

        list(pool.map(send, range(count)))
    return took


def _as_quickly_as_can_be(platform: Description, *, count: int) -> None:
    with _client(platform, scope="inquiries.write") as client, ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: _post(client), range(count)))


def _post(client: httpx.Client) -> None:
    members = {
        "ListingKey": LISTING_KEY,
        "FullName": "山田花子",
        "Email": "hanako@example.com",
        "Message": "内見したいです。",
    }
    headers = {"Idempotency-Key": str(uuid4())}
    client.post("/v1/inquiries", json=members, headers=headers).raise_for_status()
