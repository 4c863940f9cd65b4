"""Brings the platform up, and down again."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from signal import SIGQUIT
from typing import Any

import httpx

from bukken_local import commands
from bukken_local.database.cluster import Cluster
from bukken_local.database.endpoint import Endpoint
from bukken_local.issuer import tokens
from bukken_local.kubernetes.control_plane import ControlPlane
from bukken_local.kubernetes.delays import Delays
from bukken_local.kubernetes.kubelet import Pod
from bukken_local.kubernetes.objects import PodDisruptionBudget, Service
from bukken_local.kubernetes.rollout import DeploymentController
from bukken_local.kubernetes.sandbox import ADMIN_PORT
from bukken_local.kubernetes.targets import healthy_targets
from bukken_local.network import Network, claim
from bukken_local.platform import Platform
from bukken_local.pods import DEPLOYMENTS, PODS_EACH, SERVING, Pods, of_base
from bukken_local.processes import binaries
from bukken_local.processes.child import Child
from bukken_local.processes.left_behind import reap_left_behind, remember
from bukken_local.processes.waiting import until
from bukken_local.state import State
from bukken_local.terminal import Terminal

START_SECONDS = 60  # a cold, busy machine; a warm one needs about ten
QUICK_GRACE_SECONDS = 3  # nothing is in flight by then; who takes longer is killed
SAMPLE = Path(__file__).with_name("legacy") / "sample"
PRODUCER = "legacy-backend"


class JobFailed(Exception):
    """A program that should have done something once did not; the message has its last lines."""


@asynccontextmanager
async def running(
    state: State, *, port: int, terminal: Terminal, time_scale: float = 1
) -> AsyncIterator[Platform]:
    """Brings the platform up, and down again in the opposite order.

    Args:
        state: where its data and logs are.
        port: the load balancer's.
        terminal: is told of progress and incidents.
        time_scale: how many times shorter the waits of a rollout are (kubernetes/time_scale.py).

    Raises:
        NoNetwork, PostgresDidNotStartError, JobFailed, ManifestNotUnderstood, TimeoutError: it
            could not come up; then nothing of it runs.
    """
    async with AsyncExitStack() as stack:
        control_plane = ControlPlane(
            of_base(Service),
            budgets=of_base(PodDisruptionBudget),
            delays=Delays().scaled(time_scale),
        )
        network, server = claim(control_plane.services.lookup)
        stack.callback(server.close)
        made = Pods(state=state, network=network, say=terminal.say, time_scale=time_scale)
        platform = _planned(made, control_plane=control_plane, port=port, terminal=terminal)
        stack.push_async_callback(platform.cluster.stop)
        for endpoint in (platform.writer, platform.reader):
            await endpoint.start()
            stack.push_async_callback(endpoint.stop)
        *outside, alb_pod = platform.stand_ins
        stack.push_async_callback(_stop_all, outside, control_plane=control_plane)
        control_plane.begin(healthy=partial(_healthy_targets, network))
        # Pods need not wait for the migrations: they are not ready before the schema is theirs.
        await _together(_database(platform), _pods(after=outside, platform=platform))
        stack.push_async_callback(_stop_load_balancer, platform)
        await _load_balancer(platform, alb_pod)
        await stack.enter_async_context(commands.served(platform))
        yield platform


def _planned(made: Pods, *, control_plane: ControlPlane, port: int, terminal: Terminal) -> Platform:
    state, network = made.state, made.network
    for name in DEPLOYMENTS:
        deployment = control_plane.deployments[name] = DeploymentController(
            name,
            made.release(name),
            replicas=PODS_EACH,
            time_scale=made.time_scale,
            say=terminal.say,
        )
        # No Pod of the start has a readiness gate: the controller that would give it to them comes
        # with the load balancer, which comes last.
        for pod in deployment.pods:
            pod.gate_open = True
    cluster = Cluster(
        state.postgres,
        programs=binaries.postgres_programs(state.directory),
        user=binaries.postgres_user(),
        primary=network.instance(1),
        standby=network.instance(2),
        purpose="local",
        say=terminal.say,
    )
    # For a drill alone: the services' own resolver is the machine's, and cannot ask ours.
    control_plane.services.external["database-writer"] = lambda: [cluster.primary.host]
    return Platform(
        state=state,
        network=network,
        port=port,
        terminal=terminal,
        cluster=cluster,
        control_plane=control_plane,
        made=made,
        stand_ins=[made.issuer(), made.back_end(), made.alb(port=port)],
        writer=Endpoint(network.writer, pick=lambda: cluster.primary),
        reader=Endpoint(network.reader, pick=lambda: cluster.reader),
    )


async def _database(platform: Platform) -> None:
    with platform.terminal.step("PostgreSQL: primary, storage, standby"):
        await platform.cluster.start()
        platform.state.keep_secret("bukken_master", platform.cluster.password)
    with platform.terminal.step("roles, database, migrations"):
        await _job(platform, "bootstrap", user="bukken_master")
        await _job(platform, "migrate", user="bukken_migrator")


async def _job(platform: Platform, name: str, *, user: str) -> None:
    state, writer = platform.state, platform.network.writer
    roles = ("migrator", "writer", "reader")
    passwords = {
        f"BUKKEN_{role.upper()}_PASSWORD_FILE": str(state.secret(f"bukken_{role}"))
        for role in roles
    }
    child = Child.start(
        [sys.executable, "-m", "bukken_database", name],
        name=name,
        log=state.logs / f"{name}.log",
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "BUKKEN_DATABASE_HOST": writer.host,
            "BUKKEN_DATABASE_PORT": str(writer.port),
            "BUKKEN_DATABASE_USER": user,
            "BUKKEN_DATABASE_PASSWORD_FILE": str(state.secret(user)),
            "BUKKEN_DATABASE_TLS": "disable",
            **(passwords if name == "bootstrap" else {}),
        },
        cwd=state.run,
    )
    await finish(child, state=state)


async def import_sample(platform: Platform) -> None:
    """Sends the excerpt that is shipped through the public API; what is there stays as it is.

    Raises:
        JobFailed: not every line was delivered.
    """
    state = platform.state
    arguments = back_end(platform.description(), state=state, report=state.logs / "import-report")
    with platform.terminal.step("sample listings, through the public API"):
        child = Child.start(
            [sys.executable, "-m", "bukken_local.legacy", *SAMPLE.glob("*.csv"), *arguments],
            name="import",
            log=state.logs / "import.log",
            env={"PATH": os.environ.get("PATH", os.defpath)},
            cwd=state.run,
        )
        await finish(child, state=state)


def back_end(platform: Mapping[str, Any], *, state: State, report: Path) -> tuple[str, ...]:
    """The arguments that make the back end's stand-in send to this platform, as its producer."""
    secret = state.keep_secret(PRODUCER, tokens.secret_of(PRODUCER, platform=platform))
    return (
        *("--url", platform["url"], "--token-url", platform["token_url"]),
        *("--client-id", PRODUCER, "--client-secret-file", str(secret)),
        *("--report", str(report)),
    )


async def finish(child: Child, *, state: State) -> None:
    """Waits for a program that has something to do once.

    Raises:
        JobFailed: it ended otherwise than well.
    """
    remember(child, state_file=state.children)
    try:
        reason = await child.wait()
    finally:
        await child.stop(grace_seconds=0)
    if child.exit_status != 0:
        raise JobFailed(f"{child.name} {reason}:\n{child.tail()}")


async def _pods(*, after: Sequence[Pod], platform: Platform) -> None:
    pods = platform.control_plane.pods
    with platform.terminal.step("issuer, legacy back end"):
        await _together(*(pod.start(seconds=START_SECONDS) for pod in after))
        # First, as it is in every other place: an Envoy that finds no keys asks again in a second.
        await _until_answers("GET", platform.jwks_url, status=httpx.codes.OK)
        url = f"{platform.back_end_control_url}/behaviour"
        await _until_answers("GET", url, status=httpx.codes.OK)
    with platform.terminal.step(f"{len(pods)} Pods, each an app behind its Envoy"):
        await _together(*(pod.start(seconds=START_SECONDS) for pod in pods))
        for pod in pods:
            await until(lambda: pod.ready, seconds=START_SECONDS, what=f"{pod.name} is ready")  # noqa: B023 — asked within the turn


async def _load_balancer(platform: Platform, alb: Pod) -> None:
    """Last: its first health check then finds ready targets; the next would be 5 s later."""
    with platform.terminal.step(f"load balancer at {platform.url}"):
        platform.control_plane.services.catch_up()
        await alb.start(seconds=START_SECONDS)
        for method in ("GET", "PUT"):
            url = f"{platform.url}/v1/listings/anybody-there"
            await _until_answers(method, url, status=httpx.codes.UNAUTHORIZED)


async def _until_answers(method: str, url: str, *, status: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:

        async def answers() -> bool:
            try:
                return (await client.request(method, url)).status_code == status
            except httpx.TransportError:
                return False

        await until(answers, seconds=START_SECONDS, what=f"{method} {url} answers {status}")


async def _stop_all(outside: Sequence[Pod], *, control_plane: ControlPlane) -> None:
    """Without preStop: whoever it waits for came through the load balancer, which is gone."""
    pods = control_plane.end(grace_seconds=QUICK_GRACE_SECONDS)
    await asyncio.gather(*map(_stop, outside), pods)


async def _stop_load_balancer(platform: Platform) -> None:
    """The one there is now: a drill puts another in its place, and the next wants its port."""
    await _stop(platform.stand_ins[-1])


async def _stop(pod: Pod) -> None:
    await pod.stop(grace_seconds=QUICK_GRACE_SECONDS, hooks=False)


async def _healthy_targets(network: Network) -> frozenset[str]:
    admin_url = f"http://{network.alb.loopback}:{ADMIN_PORT}"
    return await healthy_targets(admin_url, clusters=SERVING)


async def _together(*parts: Coroutine[Any, Any, None]) -> None:
    """Runs all; the first failure ends the others and is raised as itself."""
    try:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(part)
    except ExceptionGroup as failures:
        first: BaseException = failures
        while isinstance(first, ExceptionGroup):
            first = first.exceptions[0]
        raise first from None


def end_at_once(state: State) -> None:
    """Kills everything that was started; the data recover at the next start.

    PostgreSQL is asked first (an immediate shutdown): killed, it leaves its shared memory behind
    and a lock file that stops the next start while its number is still in the process table.
    """
    reap_left_behind(state.children)
    reap_left_behind(state.postgres / "children", ask=SIGQUIT, seconds=2)
