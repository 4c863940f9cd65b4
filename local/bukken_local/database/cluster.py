"""PostgreSQL as Aurora has it: a writer, a reader, and a storage that loses no acknowledged write.

The storage is `pg_receivewal --synchronous`, the only synchronous standby: a commit is acknowledged
when it has it. The reader follows asynchronously and may be away. (Why not simply a synchronous
reader? Then writes would hang while it is stopped; with an asynchronous one alone, none of 1,000
acknowledged rows survived the loss of the writer.)
"""

from __future__ import annotations

import asyncio
import shlex
import shutil
from contextlib import asynccontextmanager
from signal import Signals
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import psycopg

from bukken_local.database.acknowledged import AT_ITS_END, settings_of_promotion
from bukken_local.database.followers import is_followed, keep_slot
from bukken_local.database.home import MASTER, Home, Instance, PostgresDidNotStartError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from bukken_local.database.endpoint import Address
    from bukken_local.processes.child import Child, User

START_SECONDS = 30.0  # a slow disk replaying what a killed server left; usually below one
FOLLOW_SECONDS = 15.0  # after that a standby is taken for one that never will
STOP_SECONDS = 15.0  # for the shutdown checkpoint
STORAGE = "storage"


class Cluster:
    """A primary, its storage, and a streaming standby, below one directory.

    One process at a time may have a directory: `start` ends what an earlier one left behind.
    `programs` is from `binaries.postgres_programs`, `user` from `binaries.postgres_user`. Each
    server tells its purpose as the setting `bukken.purpose`, so that tests can refuse another's.
    `settings` are the servers' beside the platform's own, or instead of them.
    """

    def __init__(  # noqa: PLR0913 — each is a fact only the caller knows
        self,
        directory: Path,
        *,
        programs: Path,
        user: User | None,
        primary: Address,
        standby: Address,
        purpose: Literal["local", "test"],
        say: Callable[[str], None],
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._home = Home(directory, programs=programs, user=user)
        self._primary = Instance("instance-1", directory / "instance-1", primary)
        self._standby = Instance("instance-2", directory / "instance-2", standby)
        self._storage = directory / STORAGE
        self._purpose = purpose
        self._say = say
        self._settings = settings
        self._has_standby = True
        # Who keeps it up (`start`, again and again) must not start what is just being stopped.
        self._changing = asyncio.Lock()

    @property
    def primary(self) -> Address:
        """Where writes go."""
        return self._primary.address

    @property
    def standby(self) -> Address:
        """Where reads go."""
        return self._standby.address

    @property
    def reader(self) -> Address:
        """Where Aurora's reader endpoint leads: to the writer, while there is no other."""
        return self.standby if self._has_standby else self.primary

    @property
    def password(self) -> str:
        """The password of the superuser `bukken_master`; there is one after the first start."""
        return self._home.password

    @property
    def children(self) -> dict[str, Child]:
        """The running programs by name: instance-1, storage, instance-2."""
        return self._home.children

    async def start(self) -> None:
        """Start what is not running, making or rebuilding its data if need be.

        Raises PostgresDidNotStartError; then nothing is left running.
        """
        async with self._changing:
            await self._start()

    async def _start(self) -> None:
        try:
            self._home.prepare()
            self._know_roles()
            await self._start_primary()
            await self._start_storage()
            await self._start_standby()
        except BaseException as error:
            primary = self.children.get(self._primary.name)
            await self.stop()
            if primary and isinstance(error, psycopg.OperationalError):  # asked after it was up
                reason = str(error).partition("\n")[0]
                raise PostgresDidNotStartError(primary, reason=reason) from error
            raise

    async def stop(self) -> None:
        """Stop all in the order of their start: the primary first.

        So the others take its last WAL before they stop, and no session is left waiting for the
        storage: a fast shutdown ends those that wait for a synchronous commit.
        """
        for name in list(self.children):
            await self._home.stop(name, seconds=STOP_SECONDS)

    async def fail_over(self, *, with_storage: bool = True, after_seconds: float = 0) -> None:
        """The primary is lost: the standby takes its place, and a new one is made.

        It is not known at once that it is lost. Then the standby replays what only the storage has:
        nothing that was acknowledged is lost. Without the storage it lacks what it was not sent.
        """
        async with self._changing:
            await self._lose_primary()
            await asyncio.sleep(after_seconds)
            await self._promote(with_storage=with_storage)
            await self._start_storage()
            await self._start_standby()

    async def restart(self, role: Literal["primary", "standby"], *, away_seconds: float) -> None:
        """As for a new parameter: a fast shutdown, some seconds of nothing, and it is back."""
        instance = self._primary if role == "primary" else self._standby
        async with self._changing:
            await self._home.stop(instance.name, seconds=STOP_SECONDS)
            await asyncio.sleep(away_seconds)
            await self._start()

    async def _promote(self, *, with_storage: bool) -> None:
        await self._serve(self._standby)
        promise = await self._taking_from_storage() if with_storage else {}
        await self._home.stop(self._standby.name, seconds=STOP_SECONDS)
        await self._serve(self._standby, **promise)
        async with self.master(self.standby) as connection:
            await connection.execute("SELECT pg_promote()")
        self._primary, self._standby = self._standby, self._primary
        self._has_standby = False

    @asynccontextmanager
    async def master(
        self, address: Address, *, database: str = "postgres"
    ) -> AsyncIterator[psycopg.AsyncConnection[tuple[Any, ...]]]:
        """A connection as superuser in autocommit mode."""
        conninfo = self._home.conninfo(address, dbname=database)
        connection = await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
        async with connection:
            yield connection

    def _know_roles(self) -> None:
        """After a failover the second instance is the primary, also for who starts anew."""
        follows = [(i.data / "standby.signal").exists() for i in (self._primary, self._standby)]
        if follows == [True, False]:
            self._primary, self._standby = self._standby, self._primary

    async def _lose_primary(self) -> None:
        """As in a crash: nobody is told anything any more."""
        if primary := self.children.pop(self._primary.name, None):
            await primary.stop(term_signal=Signals.SIGQUIT, grace_seconds=STOP_SECONDS)
        await self._home.stop(STORAGE, seconds=STOP_SECONDS)

    async def _taking_from_storage(self) -> dict[str, str]:
        async with self.master(self.standby) as standby:

            async def is_at_its_end() -> bool:
                return await (await standby.execute(AT_ITS_END)).fetchone() == (True,)

            await self._home.until(
                is_at_its_end,
                name=self._standby.name,
                seconds=START_SECONDS,
                what=f"{self._standby.name} has replayed what it has",
            )
            return await settings_of_promotion(
                standby, storage=self._storage, programs=self._home.programs
            )

    async def _start_primary(self) -> None:
        if not self._primary.data.exists():
            self._say("making the database")
            await self._initdb()
        await self._serve(self._primary)

    async def _initdb(self) -> None:
        for old in (self._standby.data, self._storage):  # they belong to another database
            shutil.rmtree(old, ignore_errors=True)
        locale = ["--encoding=UTF8", "--locale-provider=libc", "--locale=C.UTF-8"]
        access = ["--auth=scram-sha-256", f"--pwfile={self._home.password_file}"]
        # Not synced: nothing is acknowledged yet, and what is written later is.
        initdb = ["initdb", *locale, *access, f"--username={MASTER}", "--no-sync", "-D"]
        await self._home.make(self._primary.data, argv=initdb)

    async def _start_storage(self) -> None:
        if not await self._keep_slot(STORAGE) or not self._storage.exists():
            self._home.new_directory(self._storage)
        if not self._home.runs(STORAGE):
            source = self._home.conninfo(self.primary, application_name=STORAGE)
            receive = ["pg_receivewal", "--synchronous", "--no-loop", "-S", STORAGE, "-d", source]
            self._home.launch(STORAGE, argv=[*receive, "-D", str(self._storage)])
        await self._until_followed(STORAGE, by=STORAGE, state="sync")

    async def _start_standby(self) -> None:
        if not await self._keep_slot("reader"):
            await self._forget_standby()
        try:
            await self._follow()
        except PostgresDidNotStartError:
            self._say("the standby cannot follow: rebuilding it")
            await self._forget_standby()
            await self._follow()
        self._has_standby = True

    async def _follow(self) -> None:
        if not self._standby.data.exists():
            self._say("copying the primary to the standby")
            source = self._home.conninfo(self.primary, application_name="basebackup")
            copy = ["pg_basebackup", "-R", "-S", "reader", "-X", "stream", "--checkpoint=fast"]
            await self._home.make(self._standby.data, argv=[*copy, "--no-sync", "-d", source, "-D"])
        await self._serve(self._standby)
        await self._until_followed("reader", by=self._standby.name, state="streaming")

    async def _forget_standby(self) -> None:
        await self._home.stop(self._standby.name, seconds=STOP_SECONDS)
        shutil.rmtree(self._standby.data, ignore_errors=True)

    async def _serve(self, instance: Instance, **more: str) -> None:
        if not self._home.runs(instance.name):
            own = self._home.settings() | self._settings_of(instance)
            settings = {**own, **self._settings, **more}
            self._home.serve(instance.name, data=instance.data, settings=settings)
        await self._home.until(
            lambda: self._accepts(instance.address),
            name=instance.name,
            seconds=START_SECONDS,
            what=f"{instance.name} accepts connections at {instance.address}",
        )

    def _settings_of(self, instance: Instance) -> dict[str, str]:
        # Each has the settings of both roles; a primary ignores what is for a standby. `%r` is the
        # oldest WAL file this standby may still need: the storage keeps what a failover replays.
        clean = shlex.join([str(self._home.programs / "pg_archivecleanup"), str(self._storage)])
        return {
            "listen_addresses": instance.address.host,
            "port": str(instance.address.port),
            "bukken.purpose": self._purpose,
            "primary_slot_name": "reader",
            "primary_conninfo": self._home.conninfo(self.primary, application_name="reader"),
            "archive_cleanup_command": clean.replace("%", "%%") + " %r",
        }

    async def _keep_slot(self, name: str) -> bool:
        async with self.master(self.primary) as connection:
            return await keep_slot(connection, name)

    async def _until_followed(self, name: str, *, by: str, state: str) -> None:
        await self._home.until(
            lambda: self._is_followed(name, state=state),
            name=by,
            seconds=FOLLOW_SECONDS,
            what=f"{by} follows the primary as {name}, {state}",
        )

    async def _is_followed(self, name: str, *, state: str) -> bool:
        try:
            async with self.master(self.primary) as connection:
                return await is_followed(connection, name, state=state)
        except psycopg.OperationalError:  # too busy to answer this time
            return False

    async def _accepts(self, address: Address) -> bool:
        try:
            async with self.master(address):
                return True
        except psycopg.OperationalError:
            return False
