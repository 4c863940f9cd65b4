"""The platform to be measured, as a process: `python -m benchmarks.place DIRECTORY PORT`.

Real Envoys in front, each with the file it has everywhere; a primary, its storage, a standby; the
issuer and the load balancer's stand-ins. Other than in `make run`: PostgreSQL has memory for a
million listings, the Pods speak to it directly (an endpoint on AWS is a name, and no process in
between), each service also has the routes it is compared with, and a second database of the same
servers has few listings.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import psycopg
import yaml

from bukken_database import bootstrap, migrations
from bukken_database.connections import job_engine
from bukken_database.roles import MASTER, MIGRATOR, ROLES
from bukken_database.settings import DatabaseSettings
from bukken_local.database.cluster import Cluster
from bukken_local.kubernetes.kubelet import Pod
from bukken_local.kubernetes.reading import one_of_kind
from bukken_local.kubernetes.sandbox import ADMIN_PORT
from bukken_local.kubernetes.services import CLUSTER_DOMAIN
from bukken_local.network import ISSUER_PORT, Network, claim
from bukken_local.pods import Pods
from bukken_local.processes import binaries
from bukken_local.processes.waiting import until
from bukken_local.state import State

MANY, FEW = "bukken", "bukken_few"
START_SECONDS: Final = 90

# A machine that serves a million listings has memory for them; `make run` has some tens of MB. All
# that makes a commit durable stays as it is.
SETTINGS: Final = {
    "shared_buffers": "3GB",
    "effective_cache_size": "8GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "max_slot_wal_keep_size": "-1",
    "maintenance_work_mem": "256MB",
}


class Side(NamedTuple):
    """How a service is started here: its module, and which instance it asks."""

    module: str
    instance: str


SIDES: Final = {
    "command-api": Side("benchmarks.command_side", "primary"),
    "query-api": Side("benchmarks.query_side", "standby"),
}
# Two command Pods, since a batch keeps one busy; and of each side one more at the small database.
PODS: Final = (
    ("command-api", MANY),
    ("command-api", MANY),
    ("query-api", MANY),
    ("query-api", FEW),
)


def main() -> None:
    """Runs until SIGINT; `place.json` in the directory says where everything is, when it is up."""
    directory, port = Path(sys.argv[1]), int(sys.argv[2])
    asyncio.run(_until_told(directory, port=port))


async def _until_told(directory: Path, *, port: int) -> None:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with _running(State(directory), port=port) as description:
        unfinished = directory / "place.unfinished"
        unfinished.write_text(json.dumps(description, indent=2))
        unfinished.rename(directory / "place.json")
        await told.wait()


@asynccontextmanager
async def _running(state: State, *, port: int) -> AsyncIterator[dict[str, Any]]:
    state.clear_up()
    addresses: dict[str, list[str]] = {}
    network, server = claim(addresses.get)
    cluster = _cluster(state, network=network)
    made = Pods(state=state, network=network, say=_say)
    pods: list[Pod] = []
    try:
        await cluster.start()
        for name in (MANY, FEW):
            await asyncio.to_thread(_make_database, name, cluster=cluster, state=state)
        pods.append(made.issuer())
        keys = f"http://{network.issuer.address}:{ISSUER_PORT}/.well-known/jwks.json"
        await _started(pods[0], at=keys, status=httpx.codes.OK)
        for service, database in PODS:
            pods.append(_pod(service, made=made, cluster=cluster, database=database))
            await pods[-1].start(seconds=START_SECONDS)
            if database == MANY:
                name = f"{service}.{CLUSTER_DOMAIN}"
                addresses.setdefault(name, []).append(pods[-1].home.address)
        for pod in pods[1:]:
            await until(partial(_is_ready, pod), seconds=START_SECONDS, what=f"{pod.name} is ready")
        pods.append(made.alb(port=port))
        anything = f"http://127.0.0.1:{port}/v1/listings/anything"
        await _started(pods[-1], at=anything, status=httpx.codes.UNAUTHORIZED)
        yield _description(pods, port=port, cluster=cluster, state=state)
    finally:
        for pod in reversed(pods):
            await pod.stop(grace_seconds=3, hooks=False)
        await cluster.stop()
        server.close()


def _cluster(state: State, *, network: Network) -> Cluster:
    return Cluster(
        state.postgres,
        programs=binaries.postgres_programs(state.directory),
        user=binaries.postgres_user(),
        primary=network.instance(1),
        standby=network.instance(2),
        purpose="local",
        say=_say,
        settings=SETTINGS,
    )


def _make_database(name: str, *, cluster: Cluster, state: State) -> None:
    host, port = cluster.primary

    def connect(database: str) -> psycopg.Connection[Any]:
        password = cluster.password
        return psycopg.connect(
            host=host, port=port, user=MASTER, password=password, dbname=database, autocommit=True
        )

    passwords = {role: state.secret(role).read_text() for role in ROLES}
    bootstrap.bootstrap(connect, database=name, passwords=passwords)
    settings = DatabaseSettings().model_copy(
        update={
            "database_host": host,
            "database_port": port,
            "database_name": name,
            "database_user": MIGRATOR,
            "database_password_file": state.secret(MIGRATOR),
        }
    )
    engine = job_engine(settings, application="benchmarks")
    migrations.migrate(engine)
    engine.dispose()


def _pod(service: str, *, made: Pods, cluster: Cluster, database: str) -> Pod:
    side = SIDES[service]
    address = getattr(cluster, side.instance)
    own = {
        "BUKKEN_DATABASE_HOST": address.host,
        "BUKKEN_DATABASE_NAME": database,
        # Behind a colon: a checkout below /tmp would be taken for a path in the Pod's own /tmp.
        "PYTHONPATH": f":{binaries.checkout()}",
    }

    manifest = f"k8s/base/{service}.yaml"

    def alter(text: str) -> str:
        document = one_of_kind("Deployment", text, source=Path(manifest))
        (app,) = document["spec"]["template"]["spec"]["containers"]
        app["command"] = ["python", "-m", side.module]
        kept = [variable for variable in app["env"] if variable["name"] not in own]
        app["env"] = kept + [{"name": name, "value": value} for name, value in own.items()]
        return yaml.safe_dump(document)

    made.altered[manifest] = alter
    pod = made.release(service).make()
    pod.gate_open = True  # nobody here opens it
    return pod


async def _started(pod: Pod, *, at: str, status: int) -> None:
    await pod.start(seconds=START_SECONDS)
    async with httpx.AsyncClient(trust_env=False) as client:

        async def answers() -> bool:
            try:
                return (await client.get(at)).status_code == status
            except httpx.TransportError:
                return False

        await until(answers, seconds=START_SECONDS, what=f"{at} answers {status}")


async def _is_ready(pod: Pod) -> bool:
    return pod.ready


def _description(pods: list[Pod], *, port: int, cluster: Cluster, state: State) -> dict[str, Any]:
    served = zip(PODS, pods[1:], strict=False)
    return {
        "pid": os.getpid(),
        "url": f"http://127.0.0.1:{port}",
        "pods": [
            {
                "service": service,
                "database": database,
                "address": pod.home.address,
                "admin_url": f"http://{pod.home.loopback}:{ADMIN_PORT}",
                "pids": {name: each.pid for name, each in pod.containers.items()},
            }
            for (service, database), pod in served
        ],
        "primary": cluster.primary,
        "standby": cluster.standby,
        "password_files": {role: str(state.secret(role)) for role in ROLES}
        | {MASTER: str(state.postgres / "password")},
        "programs": str(binaries.postgres_programs(state.directory)),
        "signing_key_file": str(state.signing_key),
    }


def _say(text: str) -> None:
    sys.stderr.write(f"  {text}\n")


if __name__ == "__main__":
    main()
