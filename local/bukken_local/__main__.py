"""The platform on one machine: `python -m bukken_local --help`."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from signal import SIGINT
from typing import NoReturn

import httpx
import psycopg

from bukken_local import guide
from bukken_local.commands import CommandRefused, Wish, send
from bukken_local.database.home import PostgresDidNotStartError
from bukken_local.demo import teller
from bukken_local.issuer import tokens
from bukken_local.kubernetes.envoy_files import EnvoyFileNotUnderstood
from bukken_local.kubernetes.reading import ManifestNotUnderstood
from bukken_local.kubernetes.time_scale import MOST
from bukken_local.legacy import importer
from bukken_local.legacy.importer import ImportStoppedError
from bukken_local.network import NoNetwork, refuse_taken
from bukken_local.start import JobFailed, back_end, end_at_once, import_sample, running
from bukken_local.state import AlreadyRunning, NotRunning, State
from bukken_local.state_directory import StateDirectoryError
from bukken_local.stopping import Stopped, status_of, until_told
from bukken_local.terminal import Terminal

PORT = 8088
LAST_PORT = 65535
REFUSALS = (
    AlreadyRunning,
    CommandRefused,
    EnvoyFileNotUnderstood,
    ImportStoppedError,
    JobFailed,
    ManifestNotUnderstood,
    NoNetwork,
    NotRunning,
    PostgresDidNotStartError,
    OSError,
    StateDirectoryError,
    httpx.HTTPError,
    psycopg.OperationalError,
    tokens.NoSuchScope,
)
"""What ends a command with its one sentence, and no trace of calls."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what the command line says; returns the exit status."""
    options = _parser().parse_args(arguments or sys.argv[1:] or ["run"])
    try:
        return COMMANDS[options.command](options)
    except KeyboardInterrupt:
        return status_of(SIGINT)  # before there was anything to stop
    except REFUSALS as refusal:
        sys.stderr.write(f"bukken: {refusal}\n")
        return 1


def _run(options: argparse.Namespace) -> int:
    terminal = Terminal(quiet=options.quiet)
    _alone(options.port, life=partial(_live, options, terminal), terminal=terminal)
    return 0


def _demo(options: argparse.Namespace) -> int:
    life = partial(teller.demonstrate, port=options.port)
    as_told = _alone(options.port, life=life, terminal=Terminal(quiet=False))
    return 0 if as_told else 1


def _alone(port: int, *, life: Callable[[State], Awaitable[bool]], terminal: Terminal) -> bool:
    """Lives as the only one on this state directory and this port; False if it was cut short."""
    state = State.here()
    with state.held():
        refuse_taken("127.0.0.1", port=port)
        for name in state.clear_up():
            terminal.say(f"ended what a killed run had left behind: {name}")
        living = until_told(life(state), say=terminal.say, end_at_once=partial(end_at_once, state))
        try:
            return asyncio.run(living)
        except Stopped:
            terminal.say("stopped; nothing is left running")
            return False


async def _live(options: argparse.Namespace, terminal: Terminal, state: State) -> NoReturn:
    async with running(
        state, port=options.port, terminal=terminal, time_scale=options.time_scale
    ) as platform:
        if options.sample:
            await import_sample(platform)
        state.describe(platform.description())
        terminal.ready()
        if not options.quiet:
            described = platform.description()
            for line in ("", *guide.addresses(described), "", *guide.lines(described)):
                terminal.say(line)
        await platform.watch()


def _token(options: argparse.Namespace) -> int:
    scopes = [scope.removeprefix("bukken/") for scope in options.scope]
    sys.stdout.write(tokens.fetch(State.here().description(), scopes=scopes) + "\n")
    return 0


def _import(options: argparse.Namespace) -> int:
    state = State.here()
    report = state.directory / "import-report"
    where = back_end(state.description(), state=state, report=report)
    status = importer.main([*options.files, *where])
    if status != importer.WRONG_START:
        sys.stdout.write(f"every line not taken as it was: {report}\n")
    return status


def _tell(options: argparse.Namespace) -> int:
    wish = Wish(options.command, options.name)
    send(wish, state=State.here(), say=partial(print, flush=True))
    return 0


def _clean(_: argparse.Namespace) -> int:
    state = State.here()
    with state.held():
        state.clear_up()
        state.forget()
    sys.stdout.write(f"forgot all data in {state.directory}\n")
    return 0


WISHES = {
    "restart": "replace all Pods of a Deployment by new ones, without a gap",
    "undo": "go back to what a Deployment was before the last restart",
    "delete": "stop a Pod; another takes its place",
    "evict": "the same, if the Deployment's disruption budget allows it",
}
"""What the running platform is told, by `bukken_local.commands`."""

COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "run": _run,
    "demo": _demo,
    "token": _token,
    "import": _import,
    **dict.fromkeys(WISHES, _tell),
    "clean": _clean,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bukken_local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="bring the platform up and keep it up until Ctrl-C")
    run.add_argument("--no-sample", dest="sample", action="store_false", help="load no listings")
    run.add_argument("--quiet", action="store_true", help="tell of incidents alone")
    story = commands.add_parser("demo", help="bring it up, tell its story, take it down")
    for each in (run, story):
        each.add_argument("--port", type=_port, default=PORT, help=f"load balancer's ({PORT})")
    run.add_argument("--time-scale", type=_factor, default=1, help="rollouts so many times faster")
    for name, what in WISHES.items():
        wish = commands.add_parser(name, help=what)
        wish.add_argument("name", help="of the Deployment or Pod")
    token = commands.add_parser("token", help="print an access token of the running platform")
    token.add_argument("scope", nargs="+", help="such as listings.read")
    sent = commands.add_parser("import", help="send files to the running platform")
    sent.add_argument("files", nargs="+", help="as their publishers give them")
    commands.add_parser("clean", help="forget all data; refused while the platform runs")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is no port: 1 to {LAST_PORT}")
    return int(text)


def _factor(text: str) -> float:
    factor = float(text)
    if not 1 <= factor <= MOST:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and {MOST}")
    return factor


if __name__ == "__main__":
    sys.exit(main())
