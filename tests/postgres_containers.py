"""PostgreSQL 17 for tests, in containers: by the files of docker-compose.yml and its commands."""

import secrets
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import psycopg
from postgres_servers import Servers
from testcontainers.core.config import ConnectionMode, testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network
from waiting import wait_until

from bukken_local.database.endpoint import Address

IMAGE: Final = "postgres:17"
FILES: Final = Path(__file__).parents[1] / "compose/postgres"
CONFIGURATION: Final = "config_file=/etc/postgresql/postgresql.conf"
PURPOSE: Final = "bukken.purpose=test"
PORT: Final = 5432
START_SECONDS: Final = 60
FOLLOWED: Final = {("storage", "sync"), ("reader", "async")}


def configure_testcontainers() -> None:
    """No reaper, and ports by the engine's own address; TESTCONTAINERS_CONNECTION_MODE is heard."""
    # The reaper is one more image to be had, and holds the engine's socket. What it would remove
    # is removed by the fixture; after `kill -9` of the tests, by `docker rm` of what has the label
    # org.testcontainers.
    testcontainers_config.ryuk_disabled = True
    # A machine that is a container itself, with an engine inside, is taken for one whose engine is
    # outside, and published ports are then looked for at the wrong end of its bridge.
    if testcontainers_config.connection_mode_override is None:
        testcontainers_config.connection_mode_override = ConnectionMode.docker_host


class ContainerServers(Servers):
    """Three containers in a network of their own, with the files in them: nothing is mounted.

    (Why not `docker compose up primary standby`? The file publishes no database's port, and must
    not; and an engine on another machine could not mount what is on this one.)
    """

    def __init__(self) -> None:
        configure_testcontainers()
        self._password = secrets.token_urlsafe(24)
        with ExitStack() as made:
            self._network = made.enter_context(Network())
            made.callback(self._network._docker.client.close)  # noqa: SLF001 — it forgets it
            self._primary = made.enter_context(self._primary_container())
            self._until_accepting(self._primary)
            self._storage = made.enter_context(self._follower("storage"))
            # The storage is not cleaned: it is another container's, and tests are soon over.
            uncleaned = ("-c", PURPOSE, "-c", "archive_cleanup_command=")
            self._standby = made.enter_context(self._follower("reader", *uncleaned))
            self._until_accepting(self._standby)
            self._until_followed()
            self._made = made.pop_all()

    @property
    def primary(self) -> Address:
        """Where writes go."""
        return _address_of(self._primary)

    @property
    def standby(self) -> Address:
        """Where reads go."""
        return _address_of(self._standby)

    @property
    def password(self) -> str:
        """The password of the superuser `bukken_master`."""
        return self._password

    def log(self) -> str:
        """What the primary has written."""
        return b"".join(self._primary.get_logs()).decode()

    @contextmanager
    def silenced(self, backend: int) -> Iterator[None]:
        """One session of the primary, by its process, hangs."""
        self._in_primary("kill", "-STOP", str(backend))
        try:
            yield
        finally:
            self._in_primary("kill", "-CONT", str(backend))

    @contextmanager
    def without_storage(self) -> Iterator[None]:
        """The storage hangs."""
        self._storage.get_wrapped_container().pause()
        try:
            yield
        finally:
            self._storage.get_wrapped_container().unpause()

    def stop(self) -> None:
        """Leaves nothing running; what is stopped already stays so."""
        self._made.close()

    def _in_primary(self, *command: str) -> None:
        done = self._primary.exec(["bash", "-c", '"$@"', "-", *command])  # kill is the shell's own
        assert done.exit_code == 0, done.output

    def _container(self, *command: str) -> DockerContainer:
        container = DockerContainer(IMAGE, network=self._network).with_command(list(command))
        container.with_kwargs(user="999:999").with_exposed_ports(PORT)
        container.with_copy_into_container(
            self._password.encode(), "/run/secrets/master/password", mode=0o444
        )
        for file in FILES.iterdir():
            container.with_copy_into_container(file, f"/etc/postgresql/{file.name}", mode=0o555)
        return container

    def _primary_container(self) -> DockerContainer:
        container = self._container("postgres", "-c", CONFIGURATION, "-c", PURPOSE)
        return container.with_network_aliases("database-writer").with_envs(
            POSTGRES_USER="bukken_master",
            POSTGRES_DB="postgres",
            POSTGRES_PASSWORD_FILE="/run/secrets/master/password",
            POSTGRES_INITDB_ARGS="--encoding=UTF8 --locale-provider=libc --locale=C.UTF-8",
        )

    def _follower(self, slot: str, *settings: str) -> DockerContainer:
        container = self._container("/etc/postgresql/follow", slot, *settings)
        return container.with_env("PGPASSFILE", "/tmp/passfile")  # noqa: S108 — the container's own

    def _until_accepting(self, container: DockerContainer) -> None:
        wait_until(
            # By TCP: while the data are made, a server for that alone answers at the socket.
            lambda: container.exec(["pg_isready", "-q", "-h", "127.0.0.1"]).exit_code == 0,
            seconds=START_SECONDS,
            what=lambda: f"a server accepts connections; it said: {container.get_logs()!r}",
        )

    def _until_followed(self) -> None:
        wait_until(
            lambda: self._followers() == FOLLOWED,
            seconds=START_SECONDS,
            what=lambda: f"{FOLLOWED} follow the primary: {self._followers()}",
        )

    def _followers(self) -> set[tuple[str, str]]:
        with psycopg.connect(
            host=self.primary.host,
            port=self.primary.port,
            user="bukken_master",
            password=self._password,
            dbname="postgres",
        ) as master:
            query = "SELECT application_name, sync_state FROM pg_stat_replication"
            return set(master.execute(query).fetchall())


def _address_of(container: DockerContainer) -> Address:
    # A name may have two addresses, of which the engine publishes at one.
    host = socket.gethostbyname(container.get_container_host_ip())
    return Address(host, container.get_exposed_port(PORT))
