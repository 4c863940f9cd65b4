"""What is answered is durable: also that there was nothing to do (docs/decisions/0008)."""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from running_command_api import Members, RunningCommandApi, path_of, until_committing

from bukken_contract.exact_json import encode

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase
    from postgres_servers import Servers

TYPED = {"Content-Type": "application/json"}


def row(database: "MigratedDatabase", *, key: str) -> object:
    """What is stored for the key."""
    with database.connect("bukken_reader") as reader:
        query = "SELECT * FROM listings WHERE listing_key = %s"
        return reader.execute(query, [key]).fetchone()


@pytest.mark.parametrize(
    ("method", "named"),
    [
        ("PUT", {}),
        ("PUT", {"Source-Version": "5"}),
        ("PATCH", {"If-Match": '"1-1"'}),
        ("PATCH", {"If-Match": '"1-1"', "Source-Version": "5"}),
        ("DELETE", {}),
        ("DELETE", {"Source-Version": "5"}),
    ],
)
def test_that_nothing_changed_is_said_only_of_what_is_durable(  # noqa: PLR0913, PLR0917 — its table has two columns
    running: RunningCommandApi,
    database: "MigratedDatabase",
    servers: "Servers",
    key: str,
    members: Members,
    method: str,
    named: dict[str, str],
) -> None:
    """The one who wrote it may have been cut off while its commit waited for the storage."""
    running.send("PUT", path_of(key), content=encode(members), headers=TYPED)
    again: dict[str, Any] = {"headers": TYPED | named}
    again |= {} if method == "DELETE" else {"content": encode(members)}
    running.send(method, path_of(key), **again)
    before = row(database, key=key)

    with ThreadPoolExecutor() as pool, servers.without_storage():
        answer = pool.submit(running.send, method, path_of(key), **again)
        until_committing(database, answer)

    assert answer.result().status_code == (204 if method == "DELETE" else 200)
    assert row(database, key=key) == before
