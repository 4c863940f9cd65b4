"""What the person at the terminal sees."""

import asyncio
import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rich.console import Console


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Goes on in silence. Rich would exit, and leave undone what is still to be stopped."""
        self.quiet = True
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123 — a descriptor is wanted, no path
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


@contextmanager
def hang_up_noticed(terminal: int, *, tell: Callable[[], None]) -> Iterator[None]:
    """Tells when this terminal is closed, if it is one.

    Why not SIGHUP alone? When the terminal's session leader is `make` (a window opened for it), the
    kernel signals nobody else, and make waits for us. An epoll that asks for nothing is told of
    hang-ups alone: what is typed stays where it is.
    """
    loop = asyncio.get_running_loop()
    if not os.isatty(terminal):
        yield
        return
    with select.epoll() as hung_up:
        hung_up.register(terminal, 0)

        def told() -> None:
            loop.remove_reader(hung_up.fileno())
            tell()

        loop.add_reader(hung_up.fileno(), told)
        try:
            yield
        finally:
            loop.remove_reader(hung_up.fileno())


class Terminal:
    """Progress and incidents; plain lines when standard output is no terminal."""

    def __init__(self, *, quiet: bool) -> None:
        # Soft wrap: a token that is wrapped cannot be pasted.
        self._console = _Console(markup=False, highlight=False, emoji=False, soft_wrap=True)
        self._quiet = quiet
        self._began = time.monotonic()
        self._under_way: list[str] = []
        self._status = self._console.status("")

    def say(self, text: str) -> None:
        """Tells of something, even when it was asked to be quiet."""
        with suppress(OSError):  # the terminal may have been closed: nobody is there to be told
            self._console.print(text.rstrip())

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Tells of a step while it is under way and when it is done, with the seconds it took."""
        began = time.monotonic()
        self._show(*self._under_way, name)
        try:
            yield
            self._done(name, since=began)
        finally:
            self._show(*(other for other in self._under_way if other != name))

    def ready(self) -> None:
        """Tells how long the start took."""
        self._done("ready", since=self._began)

    def _done(self, name: str, *, since: float) -> None:
        if not self._quiet:
            self.say(f"{time.monotonic() - since:6.1f} s  {name}")

    def _show(self, *under_way: str) -> None:
        self._under_way = list(under_way)
        with suppress(OSError):
            self._status.update(" · ".join(under_way))
            if under_way and not self._quiet:
                self._status.start()
            else:
                self._status.stop()
