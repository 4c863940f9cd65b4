"""Who wrote reads it at once, through the load balancer's stand-in, the Envoys and two Pods."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psycopg
from waiting import wait_until

from bukken_contract.own_writes import HEADER

if TYPE_CHECKING:
    from running_platform import Platform
    from system.conftest import Runner

LISTING = {"StandardStatus": "Active", "PropertyType": "Land"}


def versions_read(platform: "Platform", *, key: str, writes: int) -> list[int]:
    """Which version each of so many writes was read as, at once, with its token."""
    read = []
    with platform.client("listings.write") as producer, platform.client("listings.read") as portal:
        for price in range(1, writes + 1):
            body = LISTING | {"ListPrice": price, "Currency": "JPY"}
            token = producer.put(f"/v1/listings/{key}", json=body).headers[HEADER]
            answer = portal.get(f"/v1/listings/{key}", headers={HEADER: token})
            assert answer.status_code == 200, answer.text
            read.append(int(answer.headers["ETag"].strip('"').partition("-")[0]))
    return read


@contextmanager
def standby_paused(runner: "Runner") -> Iterator[None]:
    """The reader replays nothing while this is open."""
    database = runner.description["database"]
    host, port = database["standby"]
    password = Path(database["password_files"]["bukken_master"]).read_text()
    with psycopg.connect(
        host=host, port=port, dbname="bukken", user="bukken_master", password=password,
        autocommit=True,
    ) as standby:  # fmt: skip
        standby.execute("SELECT pg_wal_replay_pause()")
        state = "SELECT pg_get_wal_replay_pause_state()"
        try:
            wait_until(lambda: standby.execute(state).fetchone() == ("paused",), what="it waits")
            yield
        finally:
            standby.execute("SELECT pg_wal_replay_resume()")


def test_every_write_is_read_at_once(platform: "Platform") -> None:
    """Twenty writes, each followed by its reading on whatever Pod answers: none is stale."""
    assert versions_read(platform, key="own-at-once", writes=20) == [*range(1, 21)]


def test_it_is_read_from_the_writer_while_the_standby_stands_still(runner: "Runner") -> None:
    """Both Pods of query-api have their way there, and each passage is a line of the log."""
    with standby_paused(runner):
        read = versions_read(runner, key="own-behind", writes=4)

    logged = [text for name, text in runner.logs().items() if "query-api" in name]
    assert read == [1, 2, 3, 4]
    assert sum(text.count("own write: the writer is asked") for text in logged) >= len(read)


def test_no_token_is_in_a_log(platform: "Platform") -> None:
    """Neither as it was given nor as it came back, though what is refused is always logged."""
    with platform.client("listings.write") as producer, platform.client("listings.read") as portal:
        token = producer.put("/v1/listings/own-logged", json=LISTING).headers[HEADER]
        refused = portal.get("/v1/listings/own-logged", headers={HEADER: f"{token}A"})
    assert problem_names_the_header(refused)
    asked = refused.headers["x-request-id"]

    platform.wait_until(
        lambda: any(asked in text for text in platform.logs().values()),
        seconds=10,
        what="the refusal is logged",
    )
    assert not any(token[:40] in text for text in platform.logs().values())


def problem_names_the_header(answer: httpx.Response) -> bool:
    """A problem of 400, as it comes out of the load balancer."""
    return answer.status_code == 400 and HEADER in answer.json()["detail"]
