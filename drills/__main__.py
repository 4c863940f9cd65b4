"""`make drills`: plays every drill, or `make drills ARGS="--only=unplanned/query-api-killed"`.

Each brings a platform of its own up on this machine, and takes a minute or some. What a round has
done is kept: broken off, the next `make drills` goes on with it. The pages below docs/drills are
written anew after each drill.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from signal import SIGINT
from typing import Final

from bukken_local.database.home import PostgresDidNotStartError
from bukken_local.kubernetes.envoy_files import EnvoyFileNotUnderstood
from bukken_local.kubernetes.reading import ManifestNotUnderstood
from bukken_local.network import NoNetwork
from bukken_local.start import JobFailed
from bukken_local.stopping import Stopped, status_of, until_told
from bukken_local.terminal import Terminal
from drills import pages
from drills.checks import check
from drills.drill import Drill, DrillNotUnderstood, all_drills, read_drill
from drills.paths import NoSuchLine
from drills.perform import end_at_once, perform
from drills.record import RESULTS, Record
from drills.run import MachineStoodStill

ROUND: Final = RESULTS / "round.json"
"""Which drills the round that is under way has done; not there when a round has ended."""


STATUSES: Final = """\
status:
  0    each drill showed what it should
  1    one did not: its run with all lines hurt somebody, or a control did not;
       or the machine stood still in every run
  2    a drill's file is wrong, or its platform did not come up: the last line says why
  130  Ctrl-C; 143: SIGTERM; 129: SIGHUP, or the terminal was closed. All is stopped and cleaned up
       then; told a second time, at once
"""

REFUSALS: Final = (
    DrillNotUnderstood,
    EnvoyFileNotUnderstood,
    JobFailed,
    ManifestNotUnderstood,
    NoNetwork,
    NoSuchLine,
    PostgresDidNotStartError,
    TimeoutError,
)
"""What ends all with its one sentence: a drill cannot be read, or its platform does not come up."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Plays what is asked for; its status is told by `--help`."""
    options = _parser().parse_args(arguments)
    try:
        return _do(options)
    except KeyboardInterrupt:  # between two drills
        return _broken_off(status_of(SIGINT), whole=not options.only)
    except Stopped as stopped:
        return _broken_off(stopped.status, whole=not options.only)
    except REFUSALS as error:
        sys.stderr.write(f"drills: {error}\n")
        return 2


def _do(options: argparse.Namespace) -> int:
    drills = _asked(options.only)
    if options.list:
        _say("\n".join(f"{name:<40} {drill.title}" for name, drill in drills.items()))
        return 0
    if options.pages:
        pages.write()
        return 0
    return _play(drills, whole=not options.only, afresh=options.afresh)


def _broken_off(status: int, *, whole: bool) -> int:
    goes_on = "; the next `make drills` goes on with the round" if whole else ""
    sys.stderr.write(f"drills: broken off, nothing is left running{goes_on}\n")
    return status


def _asked(only: Sequence[str]) -> dict[str, Drill]:
    """By name. All are read first, with their lines: a slip of the pen is told at once."""
    drills = {name: read_drill(file) for name, file in all_drills()}
    for name, drill in drills.items():
        check(name, drill)
    if strangers := [name for name in only if not _of(name, drills)]:
        raise DrillNotUnderstood(f"no drill {', '.join(strangers)}; see --list")
    names = [each for name in only for each in _of(name, drills)] or list(drills)
    return {name: drills[name] for name in dict.fromkeys(names)}


def _of(asked: str, drills: Mapping[str, Drill]) -> list[str]:
    return [name for name in drills if asked in (name, name.partition("/")[0])]


def _play(drills: Mapping[str, Drill], *, whole: bool, afresh: bool) -> int:
    done = [] if afresh or not whole else _done()
    if done:
        _say(f"going on with a round that has done {len(done)} of {len(drills)} (--afresh: anew)")
    began, failed = time.monotonic(), []
    for number, (name, drill) in enumerate(drills.items(), start=1):
        if name in done:
            continue
        _say(f"{number}/{len(drills)} {name}: {drill.title}")
        playing = until_told(_shows(name, drill), say=_say, end_at_once=end_at_once)
        if not asyncio.run(playing):
            failed.append(name)  # and when the round goes on, it is played again
        elif whole:
            done.append(name)
            ROUND.write_text(json.dumps(done))
    if whole:
        ROUND.unlink(missing_ok=True)
    took = time.monotonic() - began
    _say(
        f"{took:.0f} s in all; "
        + (f"not as they should be: {', '.join(failed)}" if failed else "all as they should be")
    )
    return 1 if failed else 0


async def _shows(name: str, drill: Drill) -> bool:
    """Plays it, and keeps what was seen; what a machine that stood still showed is not kept."""
    try:
        record = await perform(name, drill, say=_say)
    except MachineStoodStill as error:
        _say(f"  ✗ {error}")
        return False
    record.keep()
    # In a thread: seconds, in which a signal is to be noticed.
    await asyncio.to_thread(pages.write, drawn=name)
    _tell(record)
    return record.holds


def _done() -> list[str]:
    done: list[str] = json.loads(ROUND.read_text()) if ROUND.exists() else []
    return done


def _tell(record: Record) -> None:
    for run in record.runs:
        mark = "✓" if run.holds else "✗"
        _say(f"  {mark} {run.control or 'with all lines'}: {'; '.join(run.verdicts)}")


Say = Callable[[str], None]


def _say(text: str) -> None:
    Terminal(quiet=False).say(text)  # which may have been closed, and is then told no more


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m drills",
        description=__doc__,
        epilog=STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="play this drill or group, and others so named; no part of a round",
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--afresh", action="store_true", help="begin a new round")
    instead.add_argument("--list", action="store_true", help="name them, and play none")
    instead.add_argument(
        "--pages", action="store_true", help="write the pages of what is known, and play none"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
