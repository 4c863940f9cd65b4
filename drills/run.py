"""Runs a drill: once with the true lines, then with each control's; on one platform."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import httpx
import msgspec
import yaml

from bukken_local.issuer import tokens
from bukken_local.kubernetes.rollout import ProgressDeadlineExceeded
from bukken_local.kubernetes.sandbox import EGRESS_PORT
from bukken_local.processes import binaries
from bukken_local.processes.child import Child
from bukken_local.processes.left_behind import remember
from bukken_local.processes.waiting import until
from drills.answers import read_answers
from drills.drill import Control, Drill, Load
from drills.kept import doubled, lost, numbered, without_listing, wrong
from drills.load import LISTING, READ_KEY, Plan
from drills.measures import DETECTED, UNANSWERED, Run, lost_until_detected, verdicts
from drills.record import Played
from drills.stage import ALB_FILE, RELAY, Stage
from drills.steps import Doing

BEFORE_SECONDS: Final = 2.0
"""Of load, before anything happens: what is wrong then is not the fault's."""

STANDSTILL_SECONDS: Final = 1.0
TIMES: Final = 3
"""That a run is played, if the machine stands still in the others."""

PULSE_SECONDS: Final = 10.0
LAST_ANSWER_SECONDS: Final = 90.0
SCOPES: Final = {
    "reads": "listings.read",
    "mesh": "listings.read",
    "writes": "listings.write",
    "inquiries": "inquiries.write",
}

Say = Callable[[str], None]


class MachineStoodStill(Exception):
    """Nothing can be measured here now."""


async def play(drill: Drill, *, stage: Stage, say: Say) -> AsyncIterator[Played]:
    """Each run when it is over: first with all lines, then without some."""
    stage.slow_database(milliseconds=drill.situation.database_milliseconds)
    first: Run | None = None
    for control in (None, *drill.controls):
        run = await undisturbed(partial(_played, drill, control, stage=stage, say=say), say=say)
        bounds = _expected(drill, stage=stage) if control is None else control.hurts
        found = tuple(verdicts(run, bounds, more_than=first))
        if control is not None and "unfinished" not in bounds:
            found += tuple(verdicts(run, {"unfinished": 0}))
        first = first or run
        yield Played.of(run, control=control, verdicts=found)


async def undisturbed(play_once: Callable[[], Awaitable[Run]], *, say: Say) -> Run:
    """A run on a machine that went on all the while; what was seen on another shows nothing.

    A second's requests that come at once are a burst that nobody sent, and are refused as one. How
    they were answered is not asked: a run is not played again because it failed.

    Raises:
        MachineStoodStill: each time.
    """
    seconds = 0.0
    for _ in range(TIMES):
        run = await play_once()
        seconds = run.standstill
        if seconds <= STANDSTILL_SECONDS:
            return run
        say(f"    the machine stood still for {seconds:.1f} s: that run shows nothing")
    raise MachineStoodStill(
        f"the machine stood still for more than {STANDSTILL_SECONDS:g} s in each of {TIMES} runs, "
        f"last for {seconds:.1f} s: play it when less else is done there"
    )


async def _played(drill: Drill, control: Control | None, *, stage: Stage, say: Say) -> Run:
    say(f"  {'with all lines' if control is None else control.name}: bringing it up")
    await stage.play(() if control is None else control.lines)
    return await _run(drill, control, stage=stage, say=say)


async def _run(drill: Drill, control: Control | None, *, stage: Stage, say: Say) -> Run:
    await _first_listing(stage)
    for step in drill.situation.before:
        await step(stage)
    word = f"drill-{time.monotonic_ns()}"
    began = time.monotonic()
    watched, loaded = _watched(stage=stage, word=word), _loaded(drill.load, stage=stage, word=word)
    async with watched as pulse, loaded as file:
        await asyncio.sleep(BEFORE_SECONDS)
        fault_began = time.monotonic()
        finished = await _done(drill.fault_of(control), stage=stage, say=say)
        fault_ended = time.monotonic()
        await asyncio.sleep(drill.settle_seconds)
        ended = time.monotonic()
    run = Run(
        answers=read_answers(file),
        began=began,
        ended=ended,
        fault_began=fault_began,
        fault_ended=fault_ended,
        finished=finished,
        standstill=float(pulse.read_text(encoding="utf-8")),
    )
    return await _with_what_is_kept(run, stage=stage)


async def _done(fault: Sequence[Doing], *, stage: Stage, say: Say) -> bool:
    try:
        for step in fault:
            say(f"    {type(step).__name__.lower()} …")
            await step(stage)
    except (TimeoutError, ProgressDeadlineExceeded, httpx.HTTPError) as error:
        say(f"    it did not come to its end: {error}")
        return False
    return True


async def _with_what_is_kept(run: Run, *, stage: Stage) -> Run:
    return replace(
        run,
        finished=run.finished and await numbered(stage=stage),
        lost=await lost(run.answers, stage=stage),
        doubled=await doubled(run.answers, stage=stage),
        wrong=await wrong(run.answers, stage=stage),
        bare=without_listing(run.answers, stage=stage),  # what is not delivered by now is lost
        marks=dict(stage.marks),  # last: when the last inquiry was delivered is noted meanwhile
    )


async def _first_listing(stage: Stage) -> None:
    """The one that is read; and the way through all parts is warm."""
    url = f"{stage.platform.url}/v1/listings/{READ_KEY}"
    fetched = await _tokens(stage)
    async with httpx.AsyncClient(trust_env=False) as client:

        async def is_there(method: str, kind: str) -> bool:
            body = LISTING if method == "PUT" else None
            headers = {"Authorization": f"Bearer {fetched[kind]}"}
            return (await client.request(method, url, json=body, headers=headers)).is_success

        for method, kind in (("PUT", "writes"), ("GET", "reads")):
            question = partial(is_there, method, kind)
            await until(question, seconds=20, what=f"{method} {READ_KEY} is answered")


async def _tokens(stage: Stage) -> dict[str, str]:
    described = stage.platform.description()
    return {
        kind: await asyncio.to_thread(tokens.fetch, described, scopes=[scope])
        for kind, scope in SCOPES.items()
    }


@asynccontextmanager
async def _loaded(load: Load, *, stage: Stage, word: str) -> AsyncIterator[Path]:
    """Sends within the block; on its way out waits for the last answer."""
    directory = stage.platform.state.run / "load"
    directory.mkdir(exist_ok=True)
    plan, answers = directory / f"{word}.plan", directory / f"{word}.answers"
    plan.write_bytes(msgspec.json.encode(await _plan(load, stage=stage, word=word)))
    async with _beside(stage, "load", plan, answers, grace_seconds=LAST_ANSWER_SECONDS) as child:
        stage.load = child
        yield answers


@asynccontextmanager
async def _watched(*, stage: Stage, word: str) -> AsyncIterator[Path]:
    """Where it is written, afterwards, how long the machine stood still within the block."""
    file = stage.platform.state.run / f"{word}.pulse"
    async with _beside(stage, "pulse", file, grace_seconds=PULSE_SECONDS):
        yield file


@asynccontextmanager
async def _beside(
    stage: Stage, name: str, *files: Path, grace_seconds: float
) -> AsyncIterator[Child]:
    """A module of ours as a process of its own; on the way out it has ended by itself."""
    child = Child.start(
        [sys.executable, "-m", f"drills.{name}", *map(str, files)],
        name=name,
        log=stage.platform.state.logs / f"{name}.log",
        env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(binaries.checkout())},
        cwd=stage.platform.state.run,
    )
    remember(child, state_file=stage.platform.state.children)
    try:
        yield child
        await child.stop(grace_seconds=grace_seconds)
    finally:
        await child.stop(grace_seconds=0)  # broken off: nobody wants to know any more
    if child.exit_status != 0:
        raise RuntimeError(f"the {name} {child.exit_reason}:\n{child.tail()}")


async def _plan(load: Load, *, stage: Stage, word: str) -> Plan:
    urls = dict.fromkeys(SCOPES, stage.platform.url)
    relays = stage.pods(RELAY)
    urls["mesh"] = f"http://{relays[-1].home.loopback}:{EGRESS_PORT}"
    return Plan(
        urls=urls,
        tokens=await _tokens(stage),
        a_second={kind: getattr(load, kind) for kind in SCOPES},
        burst={"reads": load.burst, "writes": load.burst_writes},
        burst_seconds=load.burst_seconds,
        sweep_seconds=load.sweep_seconds,
        surge=load.surge,
        connections=load.connections,
        run=word,
    )


def _expected(drill: Drill, *, stage: Stage) -> dict[str, float]:
    # What was to happen has happened, or nothing is shown.
    return {"unfinished": 0.0} | {
        name: sum(
            _detected(drill, measure=name, stage=stage, answered=word == DETECTED)
            if word in (DETECTED, UNANSWERED)
            else float(word)
            for word in str(bound).split(" + ")
        )
        for name, bound in drill.expect.items()
    }


def _detected(drill: Drill, *, measure: str, stage: Stage, answered: bool) -> float:
    """From the load balancer's own numbers, as its file has them; of one kind of request."""
    kind = measure.removeprefix("failed_")
    deployment = "query-api" if kind == "reads" else "command-api"
    document = yaml.safe_load((binaries.checkout() / ALB_FILE).read_text(encoding="utf-8"))
    clusters = document["static_resources"]["clusters"]
    (check,) = next(each for each in clusters if each["name"] == deployment)["health_checks"]
    interval, timeout = (float(check[name].removesuffix("s")) for name in ("interval", "timeout"))
    times = check["unhealthy_threshold"]
    seconds = times * interval / stage.time_scale + (1 if answered else times) * timeout
    return lost_until_detected(
        a_second=getattr(drill.load, kind) / 2,
        pods=len(stage.pods(deployment)),
        seconds=seconds,
    )
