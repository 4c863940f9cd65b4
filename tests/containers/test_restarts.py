"""What becomes of the platform in containers when a part of it goes."""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest
from running_compose import START_SECONDS, Compose

LISTING = {"StandardStatus": "Active", "PropertyType": "Residential"}
READY_SECONDS = 30
TRIES = 3
pytestmark = pytest.mark.timeout(START_SECONDS + 120)  # the first one builds
CHECKPOINT_SECONDS = 30  # 10 s until the kernel gives a frozen standby up, and the disk
# Twice what is kept for a standby, at once: before the primary has noticed that it hangs.
MORE_THAN_IS_KEPT = """DO $$ BEGIN FOR i IN 1..600 LOOP
    PERFORM pg_logical_emit_message(false, '', repeat('x', 1000000));
END LOOP; END $$"""
STATUS_OF_THE_SLOT = "SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'reader'"
DETECTION_SECONDS = 12  # envoy/alb.yaml asks every 5 s, waits up to 2 s and believes the second no
# The kernel kills the app for what this takes, not this: it is told that the app matters less.
EAT = "open('/proc/1/oom_score_adj', 'w').write('1000'); bytearray(b'x') * 400_000_000"


def put(compose: Compose, key: str) -> int:
    """Sends a listing in; the answer's status."""
    with compose.client("listings.write") as client:
        return client.put(f"/v1/listings/{key}", json=LISTING).status_code


def until_read(compose: Compose, key: str) -> None:
    """Waits until a listing comes out of the standby, and again: both Pods are asked."""
    with compose.client("listings.read") as client:
        compose.wait_until(
            lambda: {client.get(f"/v1/listings/{key}").status_code for _ in range(4)} == {200},
            seconds=READY_SECONDS,
            what=f"{key} is read from all Pods",
        )


@dataclass(frozen=True)
class Read:
    """A read that is tried again up to twice: when it began, and how often it failed."""

    began: float
    failures: int

    @property
    def answered(self) -> bool:
        """Whether one of the tries was."""
        return self.failures < TRIES


@contextmanager
def reading(compose: Compose) -> Iterator[list[Read]]:
    """Reads all the time; what came of it."""
    reads: list[Read] = []
    stop = threading.Event()
    with compose.client("listings.read") as client:

        def fails() -> bool:
            try:
                return client.get("/v1/listings?limit=1").status_code != httpx.codes.OK
            except httpx.TransportError:
                return True

        def work() -> None:
            while not stop.is_set():
                began = time.monotonic()
                failures = list(itertools.takewhile(bool, (fails() for _ in range(TRIES))))
                reads.append(Read(began, len(failures)))

        thread = threading.Thread(target=work)
        thread.start()
        try:
            compose.wait_until(lambda: len(reads) > 50, seconds=20, what="it is read")
            yield reads
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize("container", ["query-api-1", "query-api-1-envoy"])
def test_a_killed_container_comes_back_into_its_pod(composed: Compose, container: str) -> None:
    """App and sidecar can each be killed alone: the other goes on, the Pod serves again."""
    other = {"query-api-1": "query-api-1-envoy", "query-api-1-envoy": "query-api-1"}[container]
    before = composed.inspect(other)["State"]["Pid"]
    put(composed, "before-the-kill")
    composed.kill(container)

    composed.wait_until(
        lambda: composed.inspect(container)["RestartCount"] > 0 and composed.healthy(container),
        seconds=READY_SECONDS,
        what=f"{container} is healthy again",
    )
    until_read(composed, "before-the-kill")
    assert composed.inspect(other)["State"]["Pid"] == before


@pytest.mark.parametrize("container", ["command-api-1", "command-api-1-envoy", "command-api-1-pod"])
def test_a_restarted_container_serves_again(composed: Compose, container: str) -> None:
    """`docker compose restart` of any part of a Pod takes along whom it must."""
    composed.run("restart", "--timeout", "3", container)

    composed.wait_until(
        lambda: composed.healthy("command-api-1") and composed.healthy("command-api-1-envoy"),
        seconds=READY_SECONDS,
        what="the Pod is healthy again",
    )
    ingress = composed.inspect("command-api-1-pod")["NetworkSettings"]["Networks"].values()
    url = f"http://{next(iter(ingress))['IPAddress']}:8080/healthz/lb"
    composed.wait_until(
        lambda: httpx.get(url, trust_env=False).status_code == httpx.codes.OK,
        seconds=READY_SECONDS,
        what="the Pod is reached by its address",
    )


def test_who_tries_again_does_not_notice_a_killed_container(composed: Compose) -> None:
    """With one query-api killed under load, a read that is tried again is always answered."""
    with reading(composed) as reads:
        composed.kill("query-api-2")
        killed_at = len(reads)
        composed.wait_until(
            lambda: composed.healthy("query-api-2") and len(reads) > killed_at + 100,
            seconds=READY_SECONDS,
            what="query-api-2 is healthy again",
        )

    assert all(read.answered for read in reads)


def test_failures_end_when_the_load_balancer_has_noticed(composed: Compose) -> None:
    """A container that stays away costs its share of reads, and after the detection none at all."""
    with reading(composed) as reads:
        killed = time.monotonic()
        composed.run("kill", "query-api-2")  # told to stop, it is not started again
        composed.wait_until(
            lambda: reads[-1].began > killed + DETECTION_SECONDS + 4,
            seconds=DETECTION_SECONDS + 20,
            what="it is read for longer than the detection takes",
        )
    composed.up()

    failed = [read.began - killed for read in reads if read.failures]
    assert [when for when in failed if when > 0]  # and not only what was under way
    assert max(failed) < DETECTION_SECONDS
    assert all(read.answered for read in reads)


def test_what_needs_too_much_memory_is_killed_alone_and_comes_back(composed: Compose) -> None:
    """An app above its limit is killed for it; its container starts again and the Pod serves."""
    before = composed.inspect("command-api-2")["RestartCount"]
    with pytest.raises(AssertionError):  # the eater ends with its container
        composed.run("exec", "-T", "command-api-2", "python", "-c", EAT)

    composed.wait_until(
        lambda: (
            composed.inspect("command-api-2")["RestartCount"] > before
            and composed.healthy("command-api-2")
        ),
        seconds=READY_SECONDS,
        what="it is started again and healthy",
    )
    composed.wait_until(
        lambda: {put(composed, "after-memory") for _ in range(4)} <= {200, 201},
        seconds=READY_SECONDS,
        what="both Pods take writes",
    )


def test_a_stopped_primary_refuses_quickly_and_its_return_is_noticed(composed: Compose) -> None:
    """While the primary is away writes are 503 and reads go on; afterwards both serve.

    The storage waits for it: who fails and is started again is started later each time.
    """
    before = composed.inspect("storage")["RestartCount"]
    put(composed, "before-the-stop")
    until_read(composed, "before-the-stop")
    composed.run("stop", "primary")
    refused = put(composed, "while-away")
    until_read(composed, "before-the-stop")
    composed.run("start", "primary")

    assert refused == httpx.codes.SERVICE_UNAVAILABLE
    composed.wait_until(
        lambda: put(composed, "after-the-stop") in {200, 201},
        seconds=READY_SECONDS,
        what="writes are taken again",
    )
    until_read(composed, "after-the-stop")
    assert composed.inspect("storage")["RestartCount"] == before + 1


def test_writes_go_on_while_the_standby_hangs(composed: Compose) -> None:
    """A paused standby delays no write; when it goes on, it has all that was written."""
    composed.run("pause", "standby")
    try:
        written = put(composed, "while-paused")
    finally:
        composed.run("unpause", "standby")

    assert written == httpx.codes.CREATED
    until_read(composed, "while-paused")


def test_a_standby_that_hung_for_too_long_delays_nobody_and_comes_back(composed: Compose) -> None:
    """Checkpoints go on without it, and once it goes on it is copied anew rather than stale."""
    master = ("exec", "-T", "primary", "psql", "-qAtU", "bukken_master", "postgres", "-c")
    composed.run("pause", "standby")
    try:
        composed.run(*master, MORE_THAN_IS_KEPT)
        composed.run(*master, "CHECKPOINT", seconds=CHECKPOINT_SECONDS)
        status = composed.run(*master, STATUS_OF_THE_SLOT)
    finally:
        composed.run("unpause", "standby")
    put(composed, "while-lost")

    assert status == "lost\n"
    until_read(composed, "while-lost")
    composed.wait_until(
        lambda: composed.healthy("standby"), seconds=READY_SECONDS, what="it streams again"
    )


def test_who_only_answers_is_no_healthy_standby(composed: Compose) -> None:
    """Its check fails while it does not stream, and passes when it does."""
    check = ("exec", "-T", "standby", *composed.inspect("standby")["Config"]["Healthcheck"]["Test"])
    command = [*check[:3], "sh", "-c", check[-1]]
    composed.run(*command)
    composed.run("stop", "primary")
    try:
        with pytest.raises(AssertionError, match="docker compose"):
            composed.run(*command)
    finally:
        composed.up()


@pytest.mark.parametrize("follower", ["storage", "standby"])
def test_the_masters_password_is_its_process_owners_alone(composed: Compose, follower: str) -> None:
    """What a follower writes it down in can be read by nobody else."""
    mode = composed.run("exec", "-T", follower, "sh", "-c", 'stat -c %a "$PGPASSFILE"')

    assert mode == "600\n"


def test_stopping_all_loses_nothing_that_was_acknowledged(composed: Compose) -> None:
    """After `docker compose stop`, and the next `up`, every acknowledged listing is there."""
    acknowledged: list[str] = []
    stopped = threading.Event()

    def write() -> None:
        with composed.client("listings.write") as client:
            for number in range(100_000):
                try:
                    answer = client.put(f"/v1/listings/kept-{number}", json=LISTING)
                except httpx.TransportError:
                    break
                if answer.status_code == httpx.codes.CREATED:
                    acknowledged.append(f"kept-{number}")
                if stopped.is_set():
                    break

    thread = threading.Thread(target=write)
    thread.start()
    composed.wait_until(lambda: len(acknowledged) > 100, seconds=20, what="it is written")
    composed.run("stop")
    stopped.set()
    thread.join()
    composed.up()

    until_read(composed, acknowledged[-1])
    with composed.client("listings.read") as client:
        lost = [key for key in acknowledged if client.get(f"/v1/listings/{key}").status_code != 200]
    assert lost == []
