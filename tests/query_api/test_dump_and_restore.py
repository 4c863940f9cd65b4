"""A real dump, a real restore, by the commands of the operators' page; and who followed before."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chosen_servers import MakeServers
from feeding import feed_id_of
from flask.testing import FlaskClient
from following import begins_again, followed, is_complete, write
from migrated_database import PASSWORDS, MigratedDatabase

from bukken_database import jobs
from bukken_local.processes import binaries

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operating/restore.md").read_text(encoding="utf-8")
DUMP, RESTORE = re.findall(r"^pg_(?:dump|restore) .*$", PAGE, re.MULTILINE)
NAME = "kept"
ClientOf = Callable[..., FlaskClient]
Run = Callable[[str, MigratedDatabase], None]


@pytest.fixture
def original(database: MigratedDatabase) -> Iterator[MigratedDatabase]:
    """A database to be dumped, and to be restored into."""
    made = database.sibling(NAME)
    made.bootstrap(passwords=PASSWORDS)
    made.migrate()
    yield made
    made.drop()


@pytest.fixture
def run(public_directory: Path, tmp_path: Path) -> Run:
    """A function that runs a line of the page against a database."""
    programs = binaries.postgres_programs(public_directory)

    def run(line: str, database: MigratedDatabase) -> None:
        host, port = database.primary
        program, *words = line.replace(" bukken", f" {NAME}").replace("=bukken", f"={NAME}").split()
        environment = {"PGHOST": host, "PGPORT": str(port), "PGUSER": database.master}
        environment |= {"PGPASSWORD": database.master_password, "PATH": os.defpath}
        subprocess.run([programs / program, *words], env=environment, cwd=tmp_path, check=True)

    return run


def test_restored_in_its_place_it_is_another_feed(
    original: MigratedDatabase, run: Run, client_of: ClientOf
) -> None:
    """Also for who has seen nothing that was lost; every Pod was started anew meanwhile."""
    client = client_of(original)
    write(original, "a", "b")
    run(DUMP, original)
    cautious = followed(client)
    write(original, "b", "c")
    eager = followed(client)

    run(RESTORE, original)
    write(original, "x")

    assert begins_again(client, eager)
    assert begins_again(client, cautious)
    assert is_complete(client, original)


def test_restored_into_another_cluster_it_is_another_feed(
    original: MigratedDatabase, run: Run, client_of: ClientOf, make_servers: MakeServers
) -> None:
    """The old one goes on as it was, for who still reads there."""
    write(original, "a", "b")
    run(DUMP, original)
    follower = followed(client_of(original))
    servers = make_servers()
    other = MigratedDatabase(
        primary=servers.primary, standby=servers.standby, master_password=servers.password
    ).sibling(NAME)
    other.bootstrap(passwords=PASSWORDS)
    run(RESTORE, other)
    write(other, "x")
    write(original, "x")

    assert begins_again(client_of(other), follower)
    assert is_complete(client_of(other), other)
    assert not begins_again(client_of(original), follower)


def test_an_operator_says_what_cannot_be_seen(
    original: MigratedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a snapshot of the disk, by the page's command."""
    command = re.search(r"^python -m bukken_database (.+)$", PAGE, re.MULTILINE)
    for name, value in original.environment("bukken_migrator").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BUKKEN_DATABASE_TLS", "disable")
    write(original, "a")
    with original.connect("bukken_reader") as reader:
        was = feed_id_of(reader)
    assert command

    assert jobs.main(command[1].split()) == 0

    write(original, "b")
    with original.connect("bukken_reader") as reader:
        assert feed_id_of(reader) != was
