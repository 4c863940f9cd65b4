"""A database as bootstrap and the real migrations make it, for tests to work on."""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import psycopg
import pytest
from postgres_servers import Servers
from pydantic import SecretStr
from waiting import wait_until

from bukken_database import bootstrap, migrations
from bukken_database.connections import job_engine
from bukken_database.roles import MASTER
from bukken_database.settings import DatabaseSettings
from bukken_local.database.endpoint import Address

PASSWORDS: Final = {
    "bukken_migrator": "migrator's",
    "bukken_writer": "writer's",
    "bukken_reader": "reader's",
}


@dataclass(frozen=True)
class MigratedDatabase:
    """One database on the tests' own servers, and the roles' ways in."""

    primary: Address
    standby: Address
    master_password: str
    master: str = MASTER
    name: str = "bukken"

    @property
    def passwords(self) -> Mapping[str, str]:
        """Each role's password."""
        return PASSWORDS

    def _password(self, role: str) -> str:
        return PASSWORDS.get(role, self.master_password)

    def connect(
        self, role: str, *, password: str | None = None, name: str | None = None
    ) -> psycopg.Connection[Any]:
        """A plain connection to the primary."""
        return psycopg.connect(
            host=self.primary.host,
            port=self.primary.port,
            user=role,
            password=password or self._password(role),
            dbname=name or self.name,
        )

    def standby_of(self, role: str) -> psycopg.Connection[Any]:
        """A plain connection to the standby, each statement for itself."""
        return psycopg.connect(
            host=self.standby.host,
            port=self.standby.port,
            user=role,
            password=self._password(role),
            dbname=self.name,
            autocommit=True,
        )

    def settings(
        self, role: str, *, standby: bool = False, password: str | None = None
    ) -> DatabaseSettings:
        """What a process of this role is told."""
        address = self.standby if standby else self.primary
        return DatabaseSettings().model_copy(
            update={
                "database_host": address.host,
                "database_port": address.port,
                "database_name": self.name,
                "database_user": role,
                "database_password": SecretStr(password or self._password(role)),
                "database_tls": "disable",
            }
        )

    def environment(self, role: str, *, standby: bool = False) -> dict[str, str]:
        """The same for a process started as one."""
        address = self.standby if standby else self.primary
        return {
            "BUKKEN_DATABASE_HOST": address.host,
            "BUKKEN_DATABASE_PORT": str(address.port),
            "BUKKEN_DATABASE_NAME": self.name,
            "BUKKEN_DATABASE_USER": role,
            "BUKKEN_DATABASE_PASSWORD": self._password(role),
        }

    def bootstrap(self, *, passwords: Mapping[str, str]) -> None:
        """What the bootstrap job does."""

        def connect(name: str) -> psycopg.Connection[Any]:
            connection = self.connect(self.master, name=name)
            connection.autocommit = True
            return connection

        bootstrap.bootstrap(connect, database=self.name, passwords=passwords)

    def migrate(self) -> None:
        """What the migration job does."""
        engine = job_engine(self.settings("bukken_migrator"), application="test")
        migrations.migrate(engine)
        engine.dispose()

    @contextmanager
    def replay_paused(self) -> Iterator[Callable[[], object]]:
        """The standby stays as it is while this is open, or until the function is called."""
        with self.standby_of(MASTER) as standby:
            standby.execute("SELECT pg_wal_replay_pause()")
            state = "SELECT pg_get_wal_replay_pause_state()"
            try:
                wait_until(
                    lambda: standby.execute(state).fetchone() == ("paused",), what="it waits"
                )
                yield lambda: standby.execute("SELECT pg_wal_replay_resume()")
            finally:
                standby.execute("SELECT pg_wal_replay_resume()")

    def sibling(self, name: str) -> "MigratedDatabase":
        """Another database on the same servers."""
        return replace(self, name=name)

    def drop(self) -> None:
        """Leaves nothing of it."""
        with self.connect(MASTER, name="postgres") as master:
            master.autocommit = True
            master.execute(f"DROP DATABASE {self.name} WITH (FORCE)")

    @contextmanager
    def shut_out(self) -> Iterator[None]:
        """Nobody is let in while this is open, and who is in is put out."""
        allow = f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS"
        with self.connect(MASTER, name="postgres") as master:
            master.autocommit = True
            master.execute(f"{allow} false")
            master.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [self.name],
            )
            try:
                yield
            finally:
                master.execute(f"{allow} true")

    def empty(self) -> None:
        """Forgets every listing."""
        with self.connect("bukken_master") as master:
            master.execute("TRUNCATE bukken.listings")


@pytest.fixture(scope="session")
def database(servers: Servers) -> MigratedDatabase:
    """The platform's database, bootstrapped and migrated once for all tests."""
    made = MigratedDatabase(
        primary=servers.primary,
        standby=servers.standby,
        master_password=servers.password,
    )
    made.bootstrap(passwords=PASSWORDS)
    made.migrate()
    return made


@pytest.fixture
def empty_database(database: MigratedDatabase) -> Iterator[MigratedDatabase]:
    """A second database, bootstrapped and not migrated."""
    made = database.sibling("empty")
    made.bootstrap(passwords=PASSWORDS)
    yield made
    made.drop()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port of 127.0.0.1 that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
