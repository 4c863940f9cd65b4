"""Commands for one listing at once: each is done after another, and none is lost."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from running_command_api import Members, RunningCommandApi, Service, path_of, until_waiting

from bukken_contract.exact_json import encode

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase


def test_fifty_at_once_make_one_listing(service: Service, key: str, members: Members) -> None:
    """Of fifty different PUTs with If-None-Match: * at once, one creates and the others are 412."""
    puts = [
        service.a_put(key, members | {"BedroomsTotal": n}, If_None_Match="*") for n in range(50)
    ]

    answers = service.together(*puts)

    assert sorted(answer.status_code for answer in answers) == [201] + 49 * [412]


def test_fifty_equal_ones_at_once_make_one_listing(
    service: Service, key: str, members: Members
) -> None:
    """Of fifty equal PUTs with If-None-Match: * at once, one creates and the others are 200.

    Where the machine is too busy for fifty at once, those that waited for the pool are 503; sent
    again, as the contract says they may be, they are 200 as well.
    """
    puts = [service.a_put(key, members, If_None_Match="*") for _ in range(50)]
    statuses = [answer.status_code for answer in service.together(*puts)]
    while 503 in statuses:
        statuses.remove(503)
        again = service.put(key, members, If_None_Match="*")
        statuses.append(again.status_code)

    assert sorted(statuses) == 49 * [200] + [201]


def test_no_update_is_lost_among_many(service: Service, key: str, members: Members) -> None:
    """Forty different PUTs at once make forty versions."""
    service.put(key, members)
    puts = [service.a_put(key, members | {"BedroomsTotal": 10 + n}) for n in range(40)]

    versions = sorted(answer.json()["Version"] for answer in service.together(*puts))

    assert versions == list(range(2, 42))


@contextmanager
def inserted_by_another(database: "MigratedDatabase", *, key: str) -> Iterator[None]:
    """Somebody else has put this key, and not committed it while this is open."""
    with database.connect("bukken_writer") as writer:
        writer.execute(
            "INSERT INTO listings (listing_key, version, original_entry_timestamp, ever_visible, "
            "modification_timestamp, standard_status, property_type) "
            "VALUES (%s, 1, now(), false, now(), 'Active', 'Land')",
            [key],
        )
        yield


@pytest.mark.parametrize(("method", "status"), [("PUT", 200), ("DELETE", 204)])
def test_who_loses_the_race_to_insert_looks_again(  # noqa: PLR0913, PLR0917 — its table has two columns
    running: RunningCommandApi,
    database: "MigratedDatabase",
    key: str,
    members: Members,
    method: str,
    status: int,
) -> None:
    """A command for a key that appears under its hands changes what is there, or removes it."""
    headers = {"Content-Type": "application/json", "Source-Version": "7"}
    with ThreadPoolExecutor() as pool, inserted_by_another(database, key=key):
        answer = pool.submit(
            running.send, method, path_of(key), content=encode(members), headers=headers
        )
        until_waiting(database)

    assert answer.result().status_code == status
    with database.connect("bukken_reader") as reader:
        query = "SELECT version, source_version, removed_at IS NULL FROM listings"
        row = reader.execute(f"{query} WHERE listing_key = %s", [key]).fetchone()
    assert row == (2, 7, method == "PUT")


def test_the_later_of_two_commands_has_the_later_time(
    running: RunningCommandApi, database: "MigratedDatabase", key: str, members: Members
) -> None:
    """Who waited for the row is stamped after who held it, though its transaction is the older."""
    running.send("PUT", path_of(key), json=members)
    changed = members | {"BedroomsTotal": 9}
    time_of = "SELECT modification_timestamp FROM listings WHERE listing_key = %s"
    with ThreadPoolExecutor() as pool, database.connect("bukken_writer") as writer:
        writer.execute(f"{time_of} FOR UPDATE", [key])
        answer = pool.submit(running.send, "PUT", path_of(key), json=changed)
        until_waiting(database)
        while_it_waits = writer.execute("SELECT clock_timestamp()").fetchone() or ()
        writer.commit()

    assert answer.result().status_code == 200
    with database.connect("bukken_reader") as reader:
        assert (reader.execute(time_of, [key]).fetchone() or ()) > while_it_waits
