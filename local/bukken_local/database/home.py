"""The directory of a PostgreSQL cluster: its secrets, its settings, and programs run on it."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass
from signal import Signals
from typing import TYPE_CHECKING

from psycopg.conninfo import make_conninfo

from bukken_local.processes.child import Child, User
from bukken_local.processes.left_behind import reap_left_behind, remember
from bukken_local.processes.waiting import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from bukken_local.database.endpoint import Address

MASTER = "bukken_master"

# Why not postgresql.conf? Arguments win over it, so that old data get today's settings, and root
# need not write into a directory that belongs to somebody else.
SETTINGS = {
    # The whole platform fits in 1 GiB; the sample is some tens of MiB.
    "shared_buffers": "32MB",
    "max_connections": "100",
    "autovacuum_max_workers": "1",
    "max_logical_replication_workers": "0",
    # TCP only: a socket's path may be too long, and needs a place both sides reach.
    "unix_socket_directories": "",
    "synchronous_standby_names": "storage",
    "wal_level": "replica",
    "max_wal_size": "256MB",
    # A reader that was away for longer is rebuilt; keeping all it lacks would fill the disk.
    "max_slot_wal_keep_size": "256MB",
    # Default 5 s: each start would wait that long for the reader's second try.
    "wal_retrieve_retry_interval": "100ms",
    # A standby that hangs delays the primary's shutdown for as long.
    "wal_sender_timeout": "5s",
    # A walsender that must give up its slot tells its standby first, and a frozen one for ever:
    # checkpoints wait for it, and WAL fills the disk. wal_sender_timeout does not end that.
    "tcp_user_timeout": "10s",
    # Personal data stay out of the log: no parameters, and (terse) no rows of failed checks.
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %u@%d ",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
# Pods have addresses of their own in 127.0.0.0/8; initdb's file admits 127.0.0.1 alone.
HBA = """\
host all         all 127.0.0.0/8 scram-sha-256
host replication all 127.0.0.0/8 scram-sha-256
"""


class PostgresDidNotStartError(RuntimeError):
    """A program of PostgreSQL ended or did not get ready; the message has the end of its log."""

    def __init__(self, child: Child, *, reason: str) -> None:
        super().__init__(f"PostgreSQL's {child.name} did not start: {reason}\n{child.tail()}")


@dataclass(frozen=True)
class Instance:
    """A server and its data. Named by number and not by role: at a failover roles change place."""

    name: str
    data: Path
    address: Address


class Home:
    """A cluster's directory, and the programs that run on it as `user`.

    The directory itself is ours, so that `user`, who may be the nobody of other services too,
    cannot put links where root writes; what is below it and data is theirs.
    """

    def __init__(self, directory: Path, *, programs: Path, user: User | None) -> None:
        self.directory = directory
        self.programs = programs
        self.children: dict[str, Child] = {}
        self._user = user
        self._logs = directory / "log"
        self._state_file = directory / "children"
        self._password = directory / "password"
        self._passfile = directory / "passfile"

    @property
    def password(self) -> str:
        """The password of `bukken_master`; there is one once the home is prepared."""
        return self._password.read_text().strip()

    @property
    def password_file(self) -> Path:
        """Where that password is."""
        return self._password

    def prepare(self) -> None:
        """Make what every start needs, and end what an earlier one left behind."""
        self.directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        if not self.children:
            reap_left_behind(self._state_file)
            for lock in self.directory.glob("*/postmaster.pid"):
                lock.unlink()  # nobody else is here, and a dead one's number may be another's now
            for log in self._logs.glob("*.log"):
                log.replace(log.with_suffix(".previous"))  # the end of a log is of this run
        hba = self.directory / "pg_hba.conf"
        hba.write_text(HBA)
        hba.chmod(0o644)
        if not self._password.exists():
            self._write_secret(self._password, text=secrets.token_urlsafe(24))
        # The same as libpq wants it: arguments and environments are open to other users.
        self._write_secret(self._passfile, text=f"*:*:*:{MASTER}:{self.password}")

    def settings(self) -> dict[str, str]:
        """What each server of this home is told by its arguments."""
        return {**SETTINGS, "hba_file": str(self.directory / "pg_hba.conf")}

    def conninfo(self, address: Address, **more: str) -> str:
        """How the master connects, without the password itself."""
        return make_conninfo(
            host=address.host,
            port=address.port,
            user=MASTER,
            passfile=str(self._passfile),
            # Both would look for keys in a home directory, and this user may have none.
            sslmode="disable",
            gssencmode="disable",
            connect_timeout=10,  # a busy laptop; a server that is not there refuses at once
            **more,
        )

    def new_directory(self, path: Path) -> Path:
        """Make an empty directory for `user` alone, in place of what is there."""
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(mode=0o700)
        self._give(path)
        return path

    async def make(self, data: Path, *, argv: Sequence[str]) -> None:
        """Have a program fill a new data directory, its last argument.

        Filled beside and then renamed, so a directory of that name is always a whole one.
        """
        unfinished = self.new_directory(data.with_name(f"{data.name}.unfinished"))
        child = self.launch(argv[0], argv=[*argv, str(unfinished)])
        if await child.wait() != "exited with status 0":
            raise PostgresDidNotStartError(child, reason=f"{child.exit_reason}")
        del self.children[child.name]
        unfinished.rename(data)

    def serve(self, name: str, *, data: Path, settings: Mapping[str, str]) -> Child:
        """Start a server."""
        flags = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        argv = ["postgres", "-D", str(data), *flags]
        # SIGQUIT and not SIGKILL: a postmaster killed outright leaves its shared memory behind.
        return self.launch(name, argv=argv, death_signal=Signals.SIGQUIT)

    def launch(
        self, name: str, *, argv: Sequence[str], death_signal: Signals = Signals.SIGKILL
    ) -> Child:
        """Start one of PostgreSQL's programs, to run until it ends or is stopped."""
        child = Child.start(
            [self.programs / argv[0], *argv[1:]],
            name=name,
            log=self._logs / f"{name}.log",
            env={"LANG": "C.UTF-8", "PATH": os.defpath},
            cwd=self.directory,
            user=self._user,
            death_signal=death_signal,
        )
        remember(child, state_file=self._state_file)
        self.children[name] = child
        return child

    def runs(self, name: str) -> bool:
        """Whether the child of that name is up."""
        return name in self.children and self.children[name].running

    async def stop(self, name: str, *, seconds: float) -> None:
        """Stop a child, if there is one: SIGINT is PostgreSQL's fast shutdown."""
        if child := self.children.pop(name, None):
            await child.stop(term_signal=Signals.SIGINT, grace_seconds=seconds)

    async def until(
        self, condition: Callable[[], Awaitable[bool]], *, name: str, seconds: float, what: str
    ) -> None:
        """Wait for a condition that only the child of that name can bring about."""
        child = self.children[name]

        async def settled() -> bool:
            return not child.running or await condition()

        try:
            await until(settled, seconds=seconds, what=what)
        except TimeoutError as error:
            raise PostgresDidNotStartError(child, reason=str(error)) from error
        if not child.running:
            raise PostgresDidNotStartError(child, reason=f"{child.exit_reason}")

    def _write_secret(self, path: Path, *, text: str) -> None:
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(text + "\n")
        self._give(path)

    def _give(self, path: Path) -> None:
        if self._user:
            os.chown(path, self._user.uid, self._user.gid)
