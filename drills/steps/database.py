"""What happens to the database."""

import asyncio
import secrets
import time
from collections.abc import Mapping
from typing import Final, Literal

from bukken_local.database.endpoint import Endpoint as DatabaseEndpoint
from bukken_local.pods import DEPLOYMENTS
from bukken_local.processes.waiting import until
from drills.stage import Stage
from drills.steps.doing import Doing

Endpoint = Literal["writer", "reader"]
_END_ALL: Final = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE usename IN ('bukken_writer', 'bukken_reader')"
)


class FailOver(Doing, frozen=True, tag="fail-over"):
    """The primary is lost; the standby takes its place. Marks `promoted`.

    That is when the standby is no standby any more and the writer's endpoint is told of it; how
    long its answer is stale is the endpoint's, see `stale-endpoints`. That the primary is lost is
    known after some seconds (Aurora's whole failover: "typically less than 60 s, often 30").
    """

    after_seconds: float = 0

    async def __call__(self, stage: Stage) -> None:
        """Waits until there is a standby again."""
        cluster = stage.platform.cluster
        stage.undoing.push_async_callback(cluster.start)
        former = cluster.primary
        failing = asyncio.create_task(cluster.fail_over(after_seconds=self.after_seconds))
        try:
            await until(
                lambda: cluster.primary != former or failing.done(),
                seconds=60,
                what="it is promoted",
            )
            stage.marks["promoted"] = time.monotonic()
            await failing
        finally:
            failing.cancel()  # it must not go on beside what comes next
            await asyncio.wait({failing})


class StaleEndpoints(Doing, frozen=True, tag="stale-endpoints"):
    """An endpoint's answer is used again for some seconds, as a name's is (Aurora's: 5)."""

    seconds: float = 5

    async def __call__(self, stage: Stage) -> None:
        """Of both endpoints, from now on."""
        for endpoint in (stage.platform.writer, stage.platform.reader):
            stage.undoing.callback(setattr, endpoint, "stale_seconds", endpoint.stale_seconds)
            endpoint.stale_seconds = self.seconds


class RestartDatabase(Doing, frozen=True, tag="restart-database"):
    """A server is restarted in good order, as for a new parameter."""

    server: Literal["primary", "standby"] = "primary"
    away_seconds: float = 1

    async def __call__(self, stage: Stage) -> None:
        """Waits until all of the database is up again."""
        cluster = stage.platform.cluster
        stage.undoing.push_async_callback(cluster.start)
        await cluster.restart(self.server, away_seconds=self.away_seconds)


class Silence(Doing, frozen=True, tag="silence"):
    """What is connected to an endpoint hears nothing any more; who connects anew is answered.

    As when a machine loses its power and another takes its place, or a firewall forgets.
    """

    endpoint: Endpoint

    async def __call__(self, stage: Stage) -> None:
        """At once."""
        platform = stage.platform
        endpoint = platform.writer if self.endpoint == "writer" else platform.reader
        stage.undoing.push_async_callback(_cut, endpoint)
        endpoint.silence()


async def _cut(endpoint: DatabaseEndpoint) -> None:
    """Or who is connected would never hear that the other end is gone, and hold on to it."""
    await endpoint.stop()
    await endpoint.start()


class Freeze(Doing, frozen=True, tag="freeze"):
    """The primary lives, but is read-only for some seconds, as in a switchover (blue/green)."""

    seconds: float

    async def __call__(self, stage: Stage) -> None:
        """Waits until it can be written to."""
        stage.undoing.push_async_callback(_thaw, stage)
        await stage.sql("ALTER SYSTEM SET default_transaction_read_only = on")
        await stage.sql("SELECT pg_reload_conf()")
        await asyncio.sleep(self.seconds)
        await _thaw(stage)


async def _thaw(stage: Stage) -> None:
    await stage.sql("ALTER SYSTEM RESET default_transaction_read_only")
    await stage.sql("SELECT pg_reload_conf()")


class RotatePasswords(Doing, frozen=True, tag="rotate-passwords"):
    """Each role gets a new password; the Pods' Secret volumes have it a moment later.

    Attributes:
        left_behind: of each Deployment so many Pods, whose nodes never get it.
    """

    late_seconds: float = 0
    left_behind: Mapping[str, int] = {}

    async def __call__(self, stage: Stage) -> None:
        """Also for the Pods that are made from now on."""
        state = stage.platform.state
        for role in sorted(set(DEPLOYMENTS.values())):
            stage.undoing.push_async_callback(_let_in, stage, role)
            # Kept first: between the two it is this that the role can be given.
            state.keep_secret(role, secrets.token_urlsafe(24))
            await _let_in(stage, role)
        await asyncio.sleep(self.late_seconds)
        for name, role in DEPLOYMENTS.items():
            password = state.secret(role).read_text()
            for pod in stage.pods(name)[self.left_behind.get(name, 0) :]:
                pod.renew_secret(f"{name}-database", {"password": password})


async def _let_in(stage: Stage, role: str) -> None:
    """By the password that its Pods are made with."""
    password = stage.platform.state.secret(role).read_text()
    await stage.sql(f"ALTER ROLE {role} PASSWORD '{password}'")


class EndSessions(Doing, frozen=True, tag="end-sessions"):
    """Every session of the services is ended, on both servers."""

    async def __call__(self, stage: Stage) -> None:
        """Waits until they are gone."""
        cluster = stage.platform.cluster
        for address in (cluster.primary, cluster.standby):
            async with cluster.master(address) as master:
                await master.execute(_END_ALL)
