"""A service as it is started in a Pod, for tests to ask and to harm."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

import httpx
from waiting import wait_until

from bukken_local.database.endpoint import Address, Endpoint


class Running:
    """A started service; which one, its module says."""

    module: ClassVar[str]

    def __init__(self, address: Address, *, environment: dict[str, str], log: Path) -> None:
        self.address = address
        self.log = log
        known = {"PATH": os.environ["PATH"], "BUKKEN_PORT": str(address.port)}
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                env=known | environment,
                stdout=output,
                stderr=output,
            )

    def send(self, method: str, path: str, **named: Any) -> httpx.Response:  # noqa: ANN401 — httpx's own
        """Any request, on a connection of its own."""
        url = f"http://{self.address}{path}"
        return httpx.request(method, url, trust_env=False, timeout=20, **named)

    def status_of(self, path: str) -> int:
        """The status of a GET, 0 when nobody listens."""
        try:
            return self.send("GET", path).status_code
        except httpx.TransportError:
            return 0

    def logged(self) -> list[dict[str, Any]]:
        """Every line of its output, which must all be JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def has_said(self, words: str) -> bool:
        """Whether a line of its output has these words."""
        return any(words in line["message"] for line in self.logged())

    def until_ready(self) -> Self:
        """Waits until it serves."""
        wait_until(
            lambda: self.status_of("/healthz/ready") == 200,
            what=f"{self.module} is ready (its log: {self.log})",
            seconds=30,
        )
        return self

    def kill(self) -> None:
        """Leaves nothing of it."""
        self.process.kill()
        self.process.wait()


@contextmanager
def stopped(*pids: int) -> Iterator[None]:
    """These processes do nothing while this is open: they hang, and their connections stay."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def forwarded(listen: Address, *, to: Address | Callable[[], Address]) -> Iterator[None]:
    """A database endpoint that comes to be."""
    loop = asyncio.new_event_loop()
    endpoint = Endpoint(listen, pick=to if callable(to) else lambda: to)
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
