"""Sends files of listings through the public API, as the legacy back end would.

Files are known by their header. Every line is accounted for: accepted, late (the exchange has
newer news of it) or refused with its reason. Running it again is safe: nothing is taken twice.
"""

import argparse
import asyncio
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console

from bukken_local.legacy import king_county, mlit
from bukken_local.legacy.credentials import ClientCredentials, NotAuthorizedError
from bukken_local.legacy.producer import Delivery, MisdirectedError, OutageError, Outcome, Producer
from bukken_local.legacy.progress import ImportProgress
from bukken_local.legacy.source import Line, UnknownFileError, opened
from bukken_local.legacy.tally import Tally

SOURCES: Final = (mlit.SOURCE, king_county.SOURCE)
SECONDS_TO_ANSWER: Final = 20.0  # the exchange answers within 15, be it by a time-out
# 0.5 MiB of these files and 0.2 s of the exchange: a lost answer costs little, and larger ones gain
# nothing. With 4,000 characters of remarks on each line it is 8 MiB; a batch has at most 10.
BATCH_LINES: Final = 500
Advance = Callable[[], None]
AGAIN: Final = "start it again for the rest, nothing is taken twice"
DONE, NOT_ALL_DELIVERED, WRONG_START = 0, 1, 2


@dataclass(frozen=True, kw_only=True)
class ImportSettings:
    """Where the listings go, as whom, and how hard.

    Attributes:
        patience_seconds: how long a batch is tried; what is then left of it is not delivered.
    """

    url: str
    token_url: str
    client_id: str
    client_secret: str
    connections: int = 4
    patience_seconds: float = 120.0


class ImportStoppedError(Exception):
    """The import ended before its last line; the text says why. Starting it again is safe."""


def _nothing(*_: str) -> None:
    """What happens after each line, or in an outage, unless somebody wants to know."""


async def import_files(
    files: Sequence[Path],
    *,
    settings: ImportSettings,
    tally: Tally,
    advance: Advance = _nothing,
    say: Callable[[str], object] = _nothing,
) -> None:
    """Send each line of the files; the tally then knows what became of each.

    Args:
        files: as their publishers give them.
        settings: where to, as whom.
        tally: the account to keep.
        advance: called after each line.
        say: told when an outage begins and ends.

    Raises:
        UnknownFileError: before anything is sent, a file cannot be read or is of no known kind.
        ImportStoppedError: the exchange cannot be reached, or takes nothing from this client.
    """
    with ExitStack() as stack:
        each = [stack.enter_context(opened(file, sources=SOURCES)) for file in files]
        sending = _Sending(
            lines=chain.from_iterable(each),
            connect=_connector(settings),
            producer=Producer(patience_seconds=settings.patience_seconds, say=say),
            tally=tally,
            advance=advance,
        )
        await sending.run(connections=settings.connections)


def _connector(settings: ImportSettings) -> Callable[[], httpx.AsyncClient]:
    """Makes clients of one connection each: httpx looks through all of a pool at each request.

    They share the token, and the TLS context, which takes long to make.
    """
    return partial(
        httpx.AsyncClient,
        base_url=settings.url,
        auth=ClientCredentials(
            token_url=settings.token_url,
            client_id=settings.client_id,
            client_secret=settings.client_secret,
        ),
        limits=httpx.Limits(max_connections=1),
        timeout=SECONDS_TO_ANSWER,
        verify=ssl.create_default_context(),
        trust_env=False,  # a proxy in the environment is for the internet, not for this machine
    )


@dataclass(frozen=True, kw_only=True)
class _Sending:
    """Many connections eat from one iterator, so the files are never held in memory."""

    lines: Iterator[Line]
    connect: Callable[[], httpx.AsyncClient]
    producer: Producer
    tally: Tally
    advance: Advance

    async def run(self, *, connections: int) -> None:
        reasons: list[str] = []
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(connections):
                    group.create_task(self._one_connection())
        except* (OutageError, MisdirectedError, NotAuthorizedError) as stopped:
            reasons = [str(error) for error in stopped.exceptions]
        if reasons:  # raised here: from within except* it would come out wrapped in a group
            raise ImportStoppedError(reasons[0])

    async def _one_connection(self) -> None:
        async with self.connect() as client:
            while lines := list(islice(self.lines, BATCH_LINES)):
                self.tally.read += len(lines)
                await self._deliver(lines, over=client)

    async def _deliver(self, lines: list[Line], *, over: httpx.AsyncClient) -> None:
        messages = [line.message for line in lines if line.message]
        deliveries = iter(await self.producer.send(messages, over=over) if messages else ())
        for line in lines:
            refused = Delivery(outcome=Outcome.REFUSED, reason=line.reason)
            self.tally.add(line, delivery=next(deliveries) if line.message else refused)
            self.advance()


def main(arguments: list[str] | None = None) -> int:
    """Import, tell what became of each line, and say by the exit status whether all is well."""
    options = _parser().parse_args(arguments)
    console = Console(markup=False, highlight=False, emoji=False, soft_wrap=True)
    try:
        return _import(options, console=console)
    except UnknownFileError as error:
        console.print(str(error))
    except OSError as error:
        console.print(f"{error.filename}: {error.strerror}")
    return WRONG_START


def _import(options: argparse.Namespace, *, console: Console) -> int:
    settings = ImportSettings(
        url=options.url,
        token_url=options.token_url,
        client_id=options.client_id,
        client_secret=options.client_secret_file.read_text(encoding="utf-8").strip(),
        connections=options.connections,
        patience_seconds=options.patience,
    )
    with options.report.open("w", encoding="utf-8") as file:
        tally = Tally(file=file)
        return import_and_tell(options.files, settings=settings, tally=tally, console=console)


def import_and_tell(
    files: Sequence[Path], *, settings: ImportSettings, tally: Tally, console: Console
) -> int:
    """Import with progress and a report on the console; the exit status of the program."""
    began = time.monotonic()
    stopped = _run(files, settings=settings, tally=tally, console=console)
    for text in (*stopped, *tally.summary(seconds=time.monotonic() - began)):
        console.print(text)
    return NOT_ALL_DELIVERED if stopped or not tally.complete else DONE


def _run(
    files: Sequence[Path], *, settings: ImportSettings, tally: Tally, console: Console
) -> list[str]:
    """Import; what stopped it before its end, if anything did."""
    with ImportProgress(files, console=console) as progress:
        sending = import_files(
            files, settings=settings, tally=tally, advance=progress.advance, say=console.print
        )
        try:
            asyncio.run(sending)
        except ImportStoppedError as error:
            return [f"stopped: {error}; when that is mended, {AGAIN}"]
        except KeyboardInterrupt:
            return [f"stopped by Ctrl-C, {progress.left(tally.read):,} lines not sent; {AGAIN}"]
    return []


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bukken_local.legacy", description=__doc__)
    add = parser.add_argument
    add("files", nargs="+", type=Path, metavar="FILE", help="a file as its publisher gives it")
    add("--url", type=_url, default="http://127.0.0.1:8088", help="the exchange (%(default)s)")
    add("--token-url", type=_url, required=True, help="the issuer's token endpoint")
    add("--client-id", default="legacy-backend", help="OAuth client (%(default)s)")
    add("--client-secret-file", type=Path, required=True, help="file with its secret alone")
    add("--connections", type=int, default=4, help="batches at once (%(default)s)")
    add("--patience", type=float, default=120.0, help="seconds to try one batch (%(default)s)")
    add("--report", type=Path, required=True, help="file for every line not taken as it was")
    return parser


def _url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{value} does not begin with http:// or https://")
    return value
