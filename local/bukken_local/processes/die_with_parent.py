"""Becomes another program that dies when its parent dies. Run by processes.Child; never imported.

    python -I -S die_with_parent.py PARENT_PID DEATH_SIGNAL UID GID PROGRAM [ARGUMENT ...]

Why not `preexec_fn`, or `Popen(user=…)`? Python code between fork and exec can deadlock on a lock
that another thread held at the fork; and the kernel clears the parent-death signal when the user
changes, so it must be set after that. Dropping the user here, after Python is up, also lets Python
live where only root can read.
"""

import ctypes
import os
import signal
import sys
import warnings  # noqa: F401 — execvp imports it late, when the new user may not read it

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def drop_privileges(*, uid: int, gid: int) -> None:
    """Become this user for good, with no other group."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def die_with(parent: int, *, death_signal: int) -> None:
    """Have the kernel send the signal when the parent dies, and end now if it has died already."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:  # it died before prctl, and no signal will come
        sys.exit("the parent is gone")


def restore_signals() -> None:
    """Undo what Python did when it started: an ignored signal stays ignored across exec."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)


def main(arguments: list[str]) -> None:
    """Drop, tie, become; `-` for user and group keeps those of the parent."""
    parent, death_signal, uid, gid, *program = arguments
    if uid != "-":
        drop_privileges(uid=int(uid), gid=int(gid))
    die_with(int(parent), death_signal=int(death_signal))
    restore_signals()
    try:
        os.execvp(program[0], program)  # noqa: S606 — no shell is wanted
    except OSError as error:
        print(f"{program[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201 — stderr is the child's log
        os._exit(127)


if __name__ == "__main__":
    main(sys.argv[1:])
