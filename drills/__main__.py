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
from typing import Final

from drills import pages
from drills.drill import Drill, DrillNotUnderstood, all_drills, read_drill
from drills.lines import NoSuchLine, values
from drills.perform import perform
from drills.record import RESULTS, Record
from drills.run import MachineStoodStill

ROUND: Final = RESULTS / "round.json"
"""Which drills the round that is under way has done; not there when a round has ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Plays what is asked for; 1 if a drill did not show what it should."""
    options = _parser().parse_args(arguments)
    try:
        drills = _asked(options.only)
        if options.list:
            _say("\n".join(f"{name:<40} {drill.title}" for name, drill in drills.items()))
            return 0
        if options.pages:
            pages.write()
            return 0
        return _play(drills, whole=not options.only, afresh=options.afresh)
    except KeyboardInterrupt:
        sys.stderr.write("drills: broken off; the next `make drills` goes on with the round\n")
        return 130
    except (DrillNotUnderstood, NoSuchLine) as error:
        sys.stderr.write(f"drills: {error}\n")
        return 2


def _asked(only: Sequence[str]) -> dict[str, Drill]:
    """By name. All are read first, with their lines: a slip of the pen is told at once."""
    drills = {name: read_drill(file) for name, file in all_drills()}
    for drill in drills.values():
        for line in (line for control in drill.controls for line in control.lines):
            values(line)
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
        if not _shows(name, drill):
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


def _shows(name: str, drill: Drill) -> bool:
    """Plays it, and keeps what was seen; what a machine that stood still showed is not kept."""
    try:
        record = asyncio.run(perform(name, drill, say=_say))
    except MachineStoodStill as error:
        _say(f"  ✗ {error}")
        return False
    record.keep()
    pages.write(drawn=name)
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
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make drills",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="this drill or group, and others so named",
    )
    parser.add_argument("--list", action="store_true", help="name them, and play none")
    parser.add_argument("--afresh", action="store_true", help="begin a new round")
    parser.add_argument(
        "--pages", action="store_true", help="write the pages of what is known, and play none"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
