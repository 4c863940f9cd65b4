"""PostgreSQL for tests: what they may ask of the servers, wherever these run.

Embedded, they are a `bukken_local` cluster; or they are containers (postgres_containers.py). What
becomes of either when a part of it dies is not asked here: of the first by tests/local/database, of
the second by tests/containers, each of the very thing that somebody starts.
"""

import asyncio
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

from running_service import stopped

from bukken_local.database.cluster import Cluster
from bukken_local.database.endpoint import Address


class Servers(ABC):
    """A running primary, its storage and its standby; all of it is a test's own."""

    @property
    @abstractmethod
    def primary(self) -> Address:
        """Where writes go."""

    @property
    @abstractmethod
    def standby(self) -> Address:
        """Where reads go."""

    @property
    @abstractmethod
    def password(self) -> str:
        """The password of the superuser `bukken_master`."""

    @abstractmethod
    def log(self) -> str:
        """What the primary has written."""

    @abstractmethod
    def silenced(self, backend: int) -> AbstractContextManager[None]:
        """One session of the primary, by its process, hangs, its connection open."""

    @abstractmethod
    def without_storage(self) -> AbstractContextManager[None]:
        """The storage hangs: what is committed meanwhile waits, and is not acknowledged."""

    @abstractmethod
    def stop(self) -> None:
        """Leaves nothing running; what is stopped already stays so."""


class EmbeddedServers(Servers):
    """Processes of this machine, from the wheel; without Docker, of the wheel's version."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        asyncio.run(cluster.start())

    @property
    def primary(self) -> Address:
        """Where writes go."""
        return self._cluster.primary

    @property
    def standby(self) -> Address:
        """Where reads go."""
        return self._cluster.standby

    @property
    def password(self) -> str:
        """The password of the superuser `bukken_master`."""
        return self._cluster.password

    def log(self) -> str:
        """What the primary has written."""
        return self._cluster.children["instance-1"].tail(1000)

    def silenced(self, backend: int) -> AbstractContextManager[None]:
        """One session of the primary, by its process, hangs."""
        return stopped(backend)

    def without_storage(self) -> AbstractContextManager[None]:
        """The storage hangs."""
        return stopped(self._cluster.children["storage"].pid)

    def stop(self) -> None:
        """Leaves nothing running; what is stopped already stays so."""
        asyncio.run(self._cluster.stop())
