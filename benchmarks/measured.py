"""The platform that is measured, as those who measure see it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from benchmarks.grown import COLUMNS, Growth, real_listings
from bukken_local.issuer import signing
from bukken_local.issuer.kept import load_key

MANY, FEW = "bukken", "bukken_few"
START_SECONDS: Final = 180
# One COPY, one transaction: the sequencer numbers what is committed as the next ones come.
LOADED_AT_ONCE: Final = 20_000

Say = Callable[[str], None]


@dataclass(frozen=True)
class Measured:
    """A running `benchmarks.place`: its addresses, its database, its clients' tokens.

    Attributes:
        listings: of the large database.
        say: is told of progress.
    """

    description: dict[str, Any]
    listings: int
    say: Say

    @cached_property
    def growth(self) -> Growth:
        """The listings in both databases."""
        return Growth(real_listings(), prefix="grown")

    def pods(self, service: str, *, database: str = MANY) -> list[dict[str, Any]]:
        """The Pods of a service at a database."""
        found = self.description["pods"]
        return [p for p in found if (p["service"], p["database"]) == (service, database)]

    def token(self, client: str, *, scope: str) -> str:
        """A token as the issuer makes them: its key, any client.

        Why not asked for? It knows three clients, and one may ask a Pod 500 times a second.
        """
        key = load_key(Path(self.description["signing_key_file"]))
        return signing.make_token(key, client_id=client, scopes=[scope], issuer=signing.ISSUER)

    def connect(
        self, role: str, *, database: str = MANY, at: str = "primary"
    ) -> psycopg.Connection[Any]:
        """A plain connection, in autocommit mode."""
        host, port = self.description[at]
        password = Path(self.description["password_files"][role]).read_text().strip()
        return psycopg.connect(
            host=host, port=port, user=role, password=password, dbname=database, autocommit=True
        )

    def copy(self, numbers: Sequence[int], *, growth: Growth, database: str = MANY) -> float:
        """Loads listings by COPY, as the writer, in one transaction; the seconds it took.

        They are grown before the clock starts.
        """
        lines = [growth.copied(number).encode() for number in numbers]
        names = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
        copy = sql.SQL("COPY bukken.listings ({}) FROM STDIN").format(names)
        with self.connect("bukken_writer", database=database) as writer:
            began = time.monotonic()
            with writer.cursor().copy(copy) as stream:
                for line in lines:
                    stream.write(line)
            return time.monotonic() - began

    def until(self, condition: Callable[[], bool], *, what: str, seconds: float = 600) -> None:
        """Waits for a condition.

        Raises:
            TimeoutError: says what did not happen.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {seconds:g} s: {what}")
            time.sleep(0.1)

    def settle(self) -> None:
        """Waits until nothing is left to do of what was written: numbered, replayed, analysed."""
        with self.connect("bukken_master") as master:
            left = "SELECT EXISTS (SELECT FROM bukken.unnumbered_events)"
            self.until(lambda: master.execute(left).fetchone() == (False,), what="all is numbered")
            behind = (
                "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), min(replay_lsn)) < 65536"
                " FROM pg_stat_replication WHERE application_name = 'reader'"
            )
            self.until(lambda: master.execute(behind).fetchone() == (True,), what="all is replayed")


@contextmanager
def measured(
    directory: Path, *, port: int, listings: int, few: int, say: Say
) -> Iterator[Measured]:
    """A platform with so many listings in the large database, and so few in the small one."""
    say("starting the platform")
    command = [sys.executable, "-m", "benchmarks.place", str(directory), str(port)]
    with subprocess.Popen(command) as process:
        try:
            place = Measured(_described(directory, process=process), listings=listings, say=say)
            _load(place, database=FEW, listings=few)
            _load(place, database=MANY, listings=listings)
            yield place
        finally:
            process.send_signal(signal.SIGINT)


def _described(directory: Path, *, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
        try:
            found: dict[str, Any] = json.loads((directory / "place.json").read_text())
        except FileNotFoundError:
            continue
        if found["pid"] == process.pid:
            return found
    raise TimeoutError(f"the platform was not ready within {START_SECONDS} s")


def _load(place: Measured, *, database: str, listings: int) -> None:
    """What is there from a run that was cut short stays."""
    with place.connect("bukken_master", database=database) as master:
        row = master.execute("SELECT count(*) FROM bukken.listings").fetchone()
        assert row is not None  # noqa: S101 — count gives a row
        for begin in range(row[0], listings, LOADED_AT_ONCE):
            numbers = range(begin, min(begin + LOADED_AT_ONCE, listings))
            seconds = place.copy(numbers, growth=place.growth, database=database)
            rate = len(numbers) / seconds
            place.say(f"{database}: {numbers[-1] + 1:,} of {listings:,} listings, {rate:,.0f}/s")
        master.execute("VACUUM ANALYZE bukken.listings")
    place.settle()
