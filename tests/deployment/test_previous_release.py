"""The code of the release before works on the schema of this one: real processes, real migrations.

Between the migrations and the last new Pod of a release, and after a rollback, that is what serves.
"""

import re
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest
from deployment.rendered import ROOT
from feeding import Candidate, events_of
from running_service import Running
from waiting import wait_until

from bukken_database.schema import SCHEMA_LEVEL

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase

    from bukken_local.database.endpoint import Address

    FreeAddress = Callable[[], Address]

SCHEMA = "database/bukken_database/schema.py"
CODE = ("contract", "database", "services")
LISTING = {"StandardStatus": "Active", "PropertyType": "Residential", "City": "新宿区"}


def git(*arguments: str) -> bytes:
    """What git prints; nothing where there is no history."""
    done = subprocess.run(
        ["git", *arguments],  # noqa: S607 — the developer's own
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    return done.stdout


def commit_of(level: int) -> str | None:
    """The newest commit whose code needs this level."""
    for commit in git("log", "--format=%H").decode().split():
        text = git("show", f"{commit}:{SCHEMA}")
        found = re.search(rb"^SCHEMA_LEVEL: Final = (\d+)", text, re.MULTILINE)
        if found and int(found[1]) == level:
            return commit
    return None


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the last code that needed the schema before this one."""
    commit = commit_of(SCHEMA_LEVEL - 1)
    if commit is None:
        pytest.skip(f"no commit here needs schema level {SCHEMA_LEVEL - 1} (a shallow clone?)")
    folder = tmp_path_factory.mktemp("previous")
    with tarfile.open(fileobj=BytesIO(git("archive", commit, *CODE))) as archive:
        archive.extractall(folder, filter="data")
    return folder


class Previous(Running):
    """One of its services."""

    module: ClassVar[str] = "command_api"


class PreviousQuery(Running):
    """The other."""

    module: ClassVar[str] = "query_api"


@pytest.fixture
def migrated(empty_database: "MigratedDatabase") -> "MigratedDatabase":
    """A database of its own, on which this release's migrations have run."""
    empty_database.migrate()
    return empty_database


@pytest.fixture
def pair(
    previous: Path, migrated: "MigratedDatabase", free_address: "FreeAddress", tmp_path: Path
) -> Iterator[tuple[Running, Running]]:
    """Both services of the release before, on this one's schema."""
    folders = ("contract", "database", "services/command-api", "services/query-api")
    path = ":".join(str(previous / folder) for folder in folders)
    sides = [
        kind(
            free_address(),
            environment=migrated.environment(role) | {"PYTHONPATH": path},
            log=tmp_path / kind.module,
        )
        for kind, role in ((Previous, "bukken_writer"), (PreviousQuery, "bukken_reader"))
    ]
    yield sides[0], sides[1]
    for side in sides:
        side.kill()


def test_it_serves_on_the_new_schema(pair: tuple[Running, Running]) -> None:
    """A rollout has both at work at once, and a rollback has the old one alone."""
    command, query = (side.until_ready() for side in pair)

    assert command.send("PUT", "/v1/listings/old", json=LISTING).status_code == 201
    found = query.send("GET", "/v1/listings/old").json()
    assert found.get("City") == "新宿区", found
    assert query.send("GET", "/v1/listings").status_code == 200
    assert command.send("DELETE", "/v1/listings/old").status_code == 204


def test_what_it_writes_is_in_the_feed(
    pair: tuple[Running, Running], migrated: "MigratedDatabase"
) -> None:
    """It knows nothing of events; partners who follow must not miss what it wrote."""
    command, _ = (side.until_ready() for side in pair)
    command.send("PUT", "/v1/listings/old", json=LISTING)
    command.send("DELETE", "/v1/listings/old")

    with migrated.connect("bukken_writer") as writer:
        writer.autocommit = True

        def numbered() -> list[tuple[str, int]]:
            Candidate(writer).number()  # a release that has no sequencer of its own
            return [(event.key, event.version) for event in events_of(writer)]

        wait_until(lambda: len(numbered()) == 2, what="both are in the feed")
        assert numbered() == [("old", 1), ("old", 2)]


def test_a_migration_that_breaks_it_is_found(
    pair: tuple[Running, Running], migrated: "MigratedDatabase"
) -> None:
    """A column renamed in one step, as it is often done: the Pods that serve fail."""
    command, _ = (side.until_ready() for side in pair)
    with migrated.connect("bukken_migrator") as migrator:
        migrator.execute("ALTER TABLE bukken.listings RENAME COLUMN city TO town")

    assert command.send("PUT", "/v1/listings/old", json=LISTING).status_code == 500
