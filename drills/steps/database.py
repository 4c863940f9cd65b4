"""What happens to the database."""

import asyncio
import secrets
import time
from collections.abc import Mapping
from typing import Final, Literal

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
        former = cluster.primary
        failing = asyncio.create_task(cluster.fail_over(after_seconds=self.after_seconds))
        await until(
            lambda: cluster.primary != former or failing.done(), seconds=60, what="it is promoted"
        )
        stage.marks["promoted"] = time.monotonic()
        await failing


class StaleEndpoints(Doing, frozen=True, tag="stale-endpoints"):
    """An endpoint's answer is used again for some seconds, as a name's is (Aurora's: 5)."""

    seconds: float = 5

    async def __call__(self, stage: Stage) -> None:
        """Of both endpoints, from now on."""
        stage.platform.writer.stale_seconds = self.seconds
        stage.platform.reader.stale_seconds = self.seconds


class RestartDatabase(Doing, frozen=True, tag="restart-database"):
    """A server is restarted in good order, as for a new parameter."""

    server: Literal["primary", "standby"] = "primary"
    away_seconds: float = 1

    async def __call__(self, stage: Stage) -> None:
        """Waits until all of the database is up again."""
        await stage.platform.cluster.restart(self.server, away_seconds=self.away_seconds)


class Silence(Doing, frozen=True, tag="silence"):
    """What is connected to an endpoint hears nothing any more; who connects anew is answered.

    As when a machine loses its power and another takes its place, or a firewall forgets.
    """

    endpoint: Endpoint

    async def __call__(self, stage: Stage) -> None:
        """At once."""
        (stage.platform.writer if self.endpoint == "writer" else stage.platform.reader).silence()


class Freeze(Doing, frozen=True, tag="freeze"):
    """The primary lives, but is read-only for some seconds, as in a switchover (blue/green)."""

    seconds: float

    async def __call__(self, stage: Stage) -> None:
        """Waits until it can be written to."""
        await stage.sql("ALTER SYSTEM SET default_transaction_read_only = on")
        await stage.sql("SELECT pg_reload_conf()")
        await asyncio.sleep(self.seconds)
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
        for role in sorted(set(DEPLOYMENTS.values())):
            password = secrets.token_urlsafe(24)
            await stage.sql(f"ALTER ROLE {role} PASSWORD '{password}'")
            stage.platform.state.keep_secret(role, password)
        await asyncio.sleep(self.late_seconds)
        for name, role in DEPLOYMENTS.items():
            password = stage.platform.state.secret(role).read_text()
            for pod in stage.pods(name)[self.left_behind.get(name, 0) :]:
                pod.renew_secret(f"{name}-database", {"password": password})


class EndSessions(Doing, frozen=True, tag="end-sessions"):
    """Every session of the services is ended, on both servers."""

    async def __call__(self, stage: Stage) -> None:
        """Waits until they are gone."""
        cluster = stage.platform.cluster
        for address in (cluster.primary, cluster.standby):
            async with cluster.master(address) as master:
                await master.execute(_END_ALL)
