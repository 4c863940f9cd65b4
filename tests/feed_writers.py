"""Writers as bad as they come: slow to commit, rolled back, killed."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from feeding import Connection, put, remove
from migrated_database import MigratedDatabase

KEYS = 40


class Writers:
    """Some threads that write until they are told to stop."""

    def __init__(self, database: MigratedDatabase, *, seed: int) -> None:
        self._database = database
        self._seed = seed
        self._stop = threading.Event()
        self.committed = self.rolled_back = self.killed = 0
        self._lock = threading.Lock()

    @contextmanager
    def writing(self, *, threads: int) -> Iterator[None]:
        """They write while this is open."""
        made = [threading.Thread(target=self._write, args=[n], daemon=True) for n in range(threads)]
        for thread in made:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in made:
                thread.join(timeout=10)

    def _write(self, number: int) -> None:
        chance = random.Random(self._seed + number)  # noqa: S311 — no secret
        while not self._stop.is_set():
            with (
                suppress(psycopg.OperationalError),  # killed: it comes again
                self._database.connect("bukken_writer") as writer,
            ):
                while not self._stop.is_set():
                    self._transaction(writer, chance)

    def _transaction(self, writer: Connection, chance: random.Random) -> None:
        try:
            for key in sorted(
                {f"{chance.randrange(KEYS):02}" for _ in range(chance.choice((1, 1, 3)))}
            ):
                one_write(writer, key, chance)
            # One in ten is slow: those who began after it have long committed.
            time.sleep(chance.random() * 0.3 if chance.random() < 0.1 else 0)
            how = chance.random()
            if how < 0.02:
                writer.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            (writer.rollback if how < 0.1 else writer.commit)()
            self._count("rolled_back" if how < 0.1 else "committed")
        except psycopg.errors.AdminShutdown:
            self._count("killed")
            raise

    def _count(self, name: str) -> None:
        with self._lock:
            setattr(self, name, getattr(self, name) + 1)


def one_write(writer: Connection, key: str, chance: random.Random) -> None:
    """A change, a removal, or one that hides it."""
    how = chance.random()
    if how < 0.15:
        remove(writer, key)
    else:
        put(writer, key, status="Incomplete" if how < 0.3 else "Active")
