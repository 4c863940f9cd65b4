"""A query-api as it is started in a Pod, and ways to hold it up."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from migrated_database import MigratedDatabase
from running_service import Running
from waiting import wait_until


class RunningQueryApi(Running):
    """A query-api as it is started in a Pod."""

    module = "query_api"

    def kill(self) -> None:
        """Leaves nothing of it; the worker first, while its master can still name it."""
        with suppress(ProcessLookupError, FileNotFoundError, IndexError):
            os.kill(self.worker, signal.SIGKILL)
        self.process.kill()
        self.process.wait()

    @property
    def worker(self) -> int:
        """The process id of gunicorn's one worker."""
        pid = self.process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@contextmanager
def held(database: MigratedDatabase, *, requests: int) -> Iterator[Callable[[], None]]:
    """Requests for a listing wait while this is open: a function that waits until so many do."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE application_name = 'query-api' AND wait_event_type = 'Lock'"
    )
    with database.connect("bukken_master") as master, database.connect("bukken_master") as other:
        master.execute("LOCK TABLE bukken.listings IN ACCESS EXCLUSIVE MODE")
        other.autocommit = True

        def until_held() -> None:
            wait_until(
                lambda: other.execute(waiting).fetchone() == (requests,),
                what=f"{requests} requests are in flight",
            )

        yield until_held


def runs(pid: int) -> bool:
    """Whether a process does; one that nobody has reaped yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
