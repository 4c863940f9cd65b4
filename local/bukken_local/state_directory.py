"""Where the platform keeps its state: safe from others, and within reach of PostgreSQL."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from bukken_local.processes.binaries import checkout, postgres_user

if TYPE_CHECKING:
    from bukken_local.processes.child import User

ROOTS_STATE = Path("/var/tmp")  # noqa: S108 — what is made there is checked by `make_roots_own`


class StateDirectoryError(RuntimeError):
    """The directory for the platform's state is unsafe or out of reach."""


def state_directory() -> Path:
    """Where data, logs and copied programs live; made if need be.

    `BUKKEN_STATE_DIR`, else `.state` in the checkout, or for root a directory of its own below
    /var/tmp. Raises StateDirectoryError if it is unsafe, or out of reach of `postgres_user()`.
    """
    if chosen := os.environ.get("BUKKEN_STATE_DIR"):
        state = Path(chosen).resolve()
        state.mkdir(mode=0o711, parents=True, exist_ok=True)
    elif os.geteuid() == 0:
        name = hashlib.sha256(bytes(checkout())).hexdigest()[:12]
        state = make_roots_own(ROOTS_STATE / f"bukken-{name}")
    else:
        state = checkout() / ".state"
        state.mkdir(mode=0o700, exist_ok=True)
    if user := postgres_user():
        refuse_unreachable(state, user=user)
    return state


def make_roots_own(directory: Path) -> Path:
    """Make a directory where everybody may make one, or check that it is the one we made.

    Anybody could have put a link or a directory of theirs there and wait for our secrets.
    """
    try:
        directory.mkdir(mode=0o711)
        directory.chmod(0o711)  # whatever the umask
    except FileExistsError:
        found = directory.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise StateDirectoryError(
                f"{directory} is not a directory that only we can write to; look who made it, "
                "remove it, or choose another by BUKKEN_STATE_DIR"
            ) from None
    return directory


def refuse_unreachable(directory: Path, *, user: User) -> None:
    """Raise StateDirectoryError if this user cannot get into the directory."""
    for part in (directory, *directory.parents):
        if not _may_enter(part.stat(), user=user):
            raise StateDirectoryError(
                f"PostgreSQL runs as user {user.uid}, who cannot reach {directory}, because "
                f"{part} is closed to them; choose another place by BUKKEN_STATE_DIR"
            )


def _may_enter(directory: os.stat_result, *, user: User) -> bool:
    if directory.st_uid == user.uid:
        return bool(directory.st_mode & stat.S_IXUSR)
    if directory.st_gid == user.gid:
        return bool(directory.st_mode & stat.S_IXGRP)
    return bool(directory.st_mode & stat.S_IXOTH)
