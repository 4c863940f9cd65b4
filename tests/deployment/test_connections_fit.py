"""Pods at once × their pools stay below what the database accepts, at the worst moment."""

from collections.abc import Iterable

import pytest
from deployment.rendered import (
    COMPONENTS,
    OVERLAYS,
    Documents,
    containers,
    generated,
    one,
    rendered,
)

from bukken_database.settings import DatabaseSettings
from command_api.relay.settings import Settings as RelaySettings
from command_api.settings import Settings as CommandSettings
from k8s.node_budget.workloads import at_once
from query_api.settings import Settings as QuerySettings

SETTINGS: dict[str, type[DatabaseSettings]] = {
    "command-api": CommandSettings,
    "query-api": QuerySettings,
    "inquiry-relay": RelaySettings,
}
# PostgreSQL's own 3 for superusers, Aurora's agents, the two Jobs, and people who look at it.
RESERVE = 30


POOLS = ("database_pool_size", "database_writer_pool_size")


def pool(documents: Documents, side: str) -> int:
    """Connections that one Pod may open: its own pool, and a reader's to the writer."""
    *_, app = containers(one(documents, "Deployment", side))
    said = {variable["name"]: variable.get("value") for variable in app["env"]}
    fields = SETTINGS[side].model_fields
    return sum(
        int(said.get(f"BUKKEN_{name.upper()}") or fields[name].default)
        for name in POOLS
        if name in fields
    )


def connections(documents: Documents, sides: Iterable[str] = COMPONENTS) -> int:
    """What they may open together, in the middle of a release at the autoscalers' maximum."""
    total = 0
    for side in sides:
        spec = one(documents, "Deployment", side)["spec"]
        replicas = spec.get("replicas") or most(documents, side)
        total += at_once(spec, replicas=replicas) * pool(documents, side)
    return total


def most(documents: Documents, side: str) -> int:
    """The autoscaler's maximum."""
    return int(one(documents, "HorizontalPodAutoscaler", side)["spec"]["maxReplicas"])


def accepted(documents: Documents) -> int:
    """What the database leaves to them."""
    parameters = generated(documents, "bukken")["data"]
    return int(parameters["database-max-connections"]) - RESERVE


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_both_sides_fit_into_one_server(overlay: str) -> None:
    """After a failover with one instance left, the reader's endpoint is the writer's."""
    documents = rendered(overlay)

    assert connections(documents) <= accepted(documents)


def test_a_pool_of_forty_would_not_fit() -> None:
    """A template runs four workers with the default pool in each Pod, and counts nothing."""
    documents = rendered("staging")
    *_, app = containers(one(documents, "Deployment", "command-api"))
    app["env"].append({"name": "BUKKEN_DATABASE_POOL_SIZE", "value": "40"})

    assert connections(documents) > accepted(documents)


def test_a_readers_way_to_the_writer_is_counted() -> None:
    """Both of its pools meet one server after a failover: ten times as many would not fit."""
    documents = rendered("staging")
    *_, app = containers(one(documents, "Deployment", "query-api"))
    app["env"].append({"name": "BUKKEN_DATABASE_WRITER_POOL_SIZE", "value": "20"})

    assert connections(documents) > accepted(documents)


def test_pods_that_are_still_stopping_are_counted() -> None:
    """Six replicas with a surge of one were seen to be ten Pods at once."""
    spec = one(rendered("staging"), "Deployment", "query-api")["spec"]

    assert at_once(spec, replicas=6) >= 10


def test_the_servers_of_kind_accept_what_its_parameters_say() -> None:
    """Primary and standby are started with the number that the arithmetic uses."""
    documents = rendered("kind")
    said = generated(documents, "bukken")["data"]["database-max-connections"]
    for name in ("database-primary", "database-standby"):
        *_, postgres = containers(one(documents, "Deployment", name))
        started = " ".join((*postgres.get("command", ()), *postgres.get("args", ())))
        assert f"max_connections={said}" in started
