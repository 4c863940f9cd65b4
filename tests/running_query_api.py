"""A query-api as it is started in a Pod, for tests to ask and to harm."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from migrated_database import MigratedDatabase

from bukken_local.endpoint import Address, Endpoint


def wait_until(condition: Callable[[], object], *, what: str, seconds: float = 10) -> None:
    """Asks until the answer is yes."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


class Running:
    """A started query-api."""

    def __init__(self, address: Address, *, environment: dict[str, str], log: Path) -> None:
        self.address = address
        self._log = log
        known = {"PATH": os.environ["PATH"], "BUKKEN_PORT": str(address.port)}
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "query_api"],
                env=known | environment,
                stdout=output,
                stderr=output,
            )

    def get(self, path: str, **headers: str) -> httpx.Response:
        """GET on a connection of its own."""
        url = f"http://{self.address}{path}"
        return httpx.get(url, headers=headers, trust_env=False, timeout=15)

    def status_of(self, path: str) -> int:
        """The status of a GET, 0 when nobody listens."""
        try:
            return self.get(path).status_code
        except httpx.TransportError:
            return 0

    def logged(self) -> list[dict[str, Any]]:
        """Every line of its output, which must all be JSON."""
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def has_said(self, words: str) -> bool:
        """Whether a line of its output has these words."""
        return any(words in line["message"] for line in self.logged())

    def until_ready(self) -> "Running":
        """Waits until it serves."""
        wait_until(
            lambda: self.status_of("/healthz/ready") == 200,
            what=f"query-api is ready (its log: {self._log})",
            seconds=30,
        )
        return self

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
def forwarded(listen: Address, *, to: Address) -> Iterator[None]:
    """A database endpoint that comes to be."""
    loop = asyncio.new_event_loop()
    endpoint = Endpoint(listen, pick=lambda: to)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(endpoint.start(), loop).result()
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(endpoint.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


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
