"""A partner's first load through the load balancer, with all that may happen to it on the way."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import psycopg
import pytest
from following import Exporter, Follower
from system.test_rollouts import TIME_SCALE
from waiting import wait_until

from bukken_local.issuer import tokens
from bukken_local.start import running as running_here
from bukken_local.state import State
from bukken_local.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bukken_local.platform import Platform

# A start and a rollout of both sides: 40 s, and three times that on a machine with much else to do.
pytestmark = pytest.mark.timeout(240)

KEYS = 120
LIMIT = 2
LISTING = {"StandardStatus": "Active", "PropertyType": "Residential", "City": "渋谷区"}
LOCKED = """
SELECT true FROM pg_locks
WHERE relation = 'bukken.listings'::regclass AND mode = 'AccessExclusiveLock'
"""
WAITS = """
SELECT pid FROM pg_stat_activity
WHERE usename = 'bukken_reader' AND wait_event_type = 'Lock' AND query LIKE '%listings%'
"""
CANCEL = f"SELECT pg_cancel_backend(pid) FROM ({WAITS}) AS waits"  # noqa: S608 — our own words
Description = dict[str, Any]


class Given(NamedTuple):
    """An answer."""

    status_code: int
    data: bytes


class Through:
    """The load balancer, as the partner's client asks it: again where it is told to."""

    def __init__(self, platform: Description) -> None:
        bearer = {"Authorization": f"Bearer {tokens.fetch(platform, scopes=['listings.read'])}"}
        self._client = httpx.Client(
            base_url=platform["url"], headers=bearer, trust_env=False, timeout=20
        )

    def get(self, link: str, /) -> Given:
        """The answer; 503 is no answer."""
        while (answer := self._client.get(link)).status_code == 503:
            assert "Retry-After" in answer.headers
        return Given(answer.status_code, answer.content)

    def close(self) -> None:
        """It asks no more."""
        self._client.close()

    def break_off(self, link: str) -> None:
        """Hangs up in the middle of an answer."""
        with self._client.stream("GET", link) as answer:
            assert len(next(answer.iter_raw(chunk_size=100))) < int(
                answer.headers["Content-Length"]
            )


@asynccontextmanager
async def writing(platform: Description) -> AsyncIterator[list[int]]:
    """One who writes, changes, hides and removes all the time; the statuses of the answers."""
    bearer = {"Authorization": f"Bearer {tokens.fetch(platform, scopes=['listings.write'])}"}
    stop, answers = threading.Event(), list[int]()

    def write() -> None:
        with httpx.Client(
            base_url=platform["url"], headers=bearer, trust_env=False, timeout=20
        ) as client:
            for number in count():
                if stop.wait(0.01):
                    return
                path = f"/v1/listings/{number * 7 % KEYS:03}"
                status = "Incomplete" if number % 5 == 0 else "Active"
                members = LISTING | {"StandardStatus": status, "BedroomsTotal": number // KEYS % 20}
                answer = client.delete(path) if number % 9 == 0 else client.put(path, json=members)
                answers.append(answer.status_code)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield answers
    finally:
        stop.set()
        # Not on the loop: the platform's endpoints of the database turn there.
        await asyncio.to_thread(thread.join)


def connect(platform: Description, at: str) -> psycopg.Connection[Any]:
    """As master to the primary or the standby."""
    database = platform["database"]
    host, port = database[at]
    with open(database["password_files"]["bukken_master"], encoding="utf-8") as file:  # noqa: PTH123
        password = file.read().strip()
    return psycopg.connect(
        host=host, port=port, user="bukken_master", password=password, dbname="bukken",
        autocommit=True,
    )  # fmt: skip


def page_with_a_cancelled_query(exporter: Exporter, platform: Description) -> None:
    """A page whose query waits on the standby, for a lock of the primary, and is cancelled."""
    with (
        ThreadPoolExecutor(1) as threads,
        connect(platform, "primary") as primary,
        connect(platform, "standby") as standby,
    ):
        with primary.transaction():
            primary.execute("LOCK TABLE bukken.listings IN ACCESS EXCLUSIVE MODE")
            wait_until(lambda: standby.execute(LOCKED).fetchone(), what="the lock is replayed")
            page = threads.submit(exporter.page)
            wait_until(lambda: standby.execute(WAITS).fetchone(), what="the page's query waits")
            cancelled = standby.execute(CANCEL).fetchall()
        page.result()
    assert (True,) in cancelled


async def until_written(answers: list[int]) -> None:
    """There is something of each key."""
    await asyncio.to_thread(wait_until, lambda: len(answers) > KEYS, what="there are listings")


async def roll(platform: Platform) -> None:
    """Rolls all Deployments at once, and waits until their old Pods are gone."""
    deployments = platform.control_plane.deployments
    for name, deployment in deployments.items():
        deployment.apply(platform.made.release(name))
    await asyncio.gather(*(each.until_complete() for each in deployments.values()))
    await asyncio.gather(*(each.until_gone() for each in deployments.values()))


async def load(platform: Platform, exporter: Exporter, through: Through) -> None:
    """Five pages, some during a rollout of both sides, two with what else may happen, the rest."""
    described = platform.description()
    for _ in range(5):
        await asyncio.to_thread(exporter.page)
    rolling = asyncio.create_task(roll(platform))
    while not rolling.done():
        if exporter.pages < KEYS // LIMIT // 2:
            await asyncio.to_thread(exporter.page)
        await asyncio.wait([rolling], timeout=0.3)
    await rolling
    assert not exporter.is_complete
    await asyncio.to_thread(through.break_off, exporter.link or "")
    await asyncio.to_thread(page_with_a_cancelled_query, exporter, described)
    while not exporter.is_complete:
        await asyncio.to_thread(exporter.page)


def follow_to_the_end(platform: Description, exporter: Exporter, through: Through) -> Follower:
    """The changes after the export's number, with all that was written meanwhile."""
    partner, begun = Follower(through), exporter.last
    partner.start_at(
        after=begun["EntityEventSequence"], feed_id=begun["FeedId"], copy=exporter.copy
    )
    with connect(platform, "primary") as primary:
        wait_until(
            lambda: not primary.execute("SELECT true FROM bukken.unnumbered_events").fetchone(),
            what="all is numbered",
        )
        last = primary.execute("SELECT max(sequence) FROM bukken.events").fetchone()
    while not last or partner.after < last[0]:
        partner.page()
    return partner


def table_of(platform: Description) -> dict[str, int]:
    """What the copy must be in the end."""
    with connect(platform, "primary") as primary:
        rows = primary.execute("SELECT listing_key, version FROM bukken.listings WHERE visible")
        return dict(rows.fetchall())


def test_an_export_and_the_changes_after_it_are_the_table_whatever_happens(
    own_state: Path, free_port: int
) -> None:
    """While one writes: a rollout of both sides, a broken connection, a cancelled query."""
    state = State(own_state)

    async def story() -> None:
        async with running_here(
            state, port=free_port, terminal=Terminal(quiet=True), time_scale=TIME_SCALE
        ) as platform:
            described = platform.description()
            with closing(Through(described)) as through:
                exporter = Exporter(through, limit=LIMIT)
                async with writing(described) as answers:
                    await until_written(answers)
                    await load(platform, exporter, through)
                partner = await asyncio.to_thread(follow_to_the_end, described, exporter, through)

            assert exporter.pages > KEYS // LIMIT // 3
            assert len(partner.numbers) > 30
            assert partner.copy == table_of(described)

    with state.held():
        state.clear_up()
        asyncio.run(story())
