"""What outlives a run: the data, the secrets, and the word of what is running now."""

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bukken_local.processes.left_behind import reap_left_behind
from bukken_local.state_directory import StateDirectoryError, state_directory

FORGOTTEN = ("postgres", "secrets", "back-end", "run")


class AlreadyRunning(Exception):
    """Another platform has this state directory; the message says which."""


class NotRunning(Exception):
    """No platform runs on this state directory."""


class State:
    """The files below one state directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.postgres = directory / "postgres"
        self.secrets = directory / "secrets"
        self.run = directory / "run"
        self.logs = self.run / "logs"
        self.children = self.run / "children"
        self.signing_key = self.secrets / "issuer.pem"
        self.ledger = directory / "back-end" / "ledger"
        self.clients = self.secrets / "clients.json"
        self._lock = directory / "lock"
        self._description = directory / "platform.json"

    @classmethod
    def here(cls) -> "State":
        """The state directory of this checkout, or of `BUKKEN_STATE_DIR`."""
        return cls(state_directory())

    @contextmanager
    def held(self) -> Iterator[None]:
        """Makes this process the only one that uses the directory.

        Raises:
            AlreadyRunning: another process has it. Its lock ends with it, even by kill -9.
        """
        with self._lock.open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRunning(self._who_runs()) from None
            self._take_over()
            try:
                yield
            finally:
                self._description.unlink(missing_ok=True)

    def _take_over(self) -> None:
        """Marks the directory as Bukken's, unless it holds what Bukken would delete as its own."""
        if not (marker := self.directory / "bukken-state").exists():
            if foreign := [name for name in FORGOTTEN if (self.directory / name).exists()]:
                names = ", ".join(foreign)
                raise StateDirectoryError(
                    f"{self.directory} holds {names}, not made by Bukken: name an empty directory"
                )
            marker.touch()

    def clear_up(self) -> list[str]:
        """Ends what a killed run left, forgets its logs, and names the ended processes."""
        left = reap_left_behind(self.children)
        self._description.unlink(missing_ok=True)
        shutil.rmtree(self.run, ignore_errors=True)
        self.logs.mkdir(parents=True)
        self.secrets.mkdir(mode=0o700, exist_ok=True)
        return left

    def forget(self) -> None:
        """Removes all data and secrets; the copied programs stay."""
        for name in FORGOTTEN:
            shutil.rmtree(self.directory / name, ignore_errors=True)

    def secret(self, name: str) -> Path:
        """A file with a password that is made when first asked for."""
        if not (self.secrets / name).exists():
            self.keep_secret(name, secrets.token_urlsafe(24))
        return self.secrets / name

    def keep_secret(self, name: str, value: str) -> Path:
        """Writes a secret that was made elsewhere to a file of its own."""
        path = self.secrets / name
        path.touch(mode=0o600)
        path.write_text(value)
        return path

    def describe(self, description: Mapping[str, Any]) -> None:
        """Says what is running, whole or not at all."""
        unfinished = self._description.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(description, indent=2) + "\n")
        unfinished.replace(self._description)

    def description(self) -> dict[str, Any]:
        """What is running.

        Raises:
            NotRunning: nothing is; what a killed run said of itself does not count.
        """
        try:
            description: dict[str, Any] = json.loads(self._description.read_text())
            os.kill(description["pid"], 0)
        except (FileNotFoundError, ProcessLookupError):
            raise NotRunning("not running; start it with: make run") from None
        return description

    def _who_runs(self) -> str:
        try:
            running = self.description()
        except NotRunning:
            return f"starting or stopping already in {self.directory}; wait for it"
        return (
            f"already running at {running['url']} (process {running['pid']}); "
            "stop it with Ctrl-C there"
        )
