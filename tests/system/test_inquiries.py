"""No inquiry is lost and none has two effects, whatever is killed.

Held against the back end's ledger and the clients' own record, never against what the code counts.
`pytest tests/system/test_inquiries.py --inquiries=10000` does it with many.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from relayed import Inquiries, kill
from running_service import stopped
from waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from system.conftest import Runner

# What a relay that was killed holds is another's after 10 s; then it is delivered at once.
TAKEN_OVER_SECONDS = 30
A_SECOND = 20  # deliveries, at the very least: the machine may be busy


@pytest.fixture
def inquiries(own_runner: Runner, request: pytest.FixtureRequest) -> Iterator[Inquiries]:
    """A test's own, about a listing that is there; the back end is well before and after."""
    own = Inquiries(platform=own_runner.description, message=request.node.name)
    own.put_listing()
    own.back_end.behave("serve")
    yield own
    own.back_end.behave("serve")


@pytest.fixture
def count(request: pytest.FixtureRequest) -> int:
    """How many inquiries a test of many sends."""
    number: int = request.config.getoption("inquiries")
    return number


def pid(runner: Runner, pod: str, container: str = "app") -> int:
    """Of a container of a Pod."""
    found: int = runner.container(pod, container)["pid"]
    return found


def ways_in(runner: Runner, deployment: str) -> list[int]:
    """The Envoys of a Deployment's Pods: who calls one that is stopped waits."""
    pods = [each for each in runner.description["pods"] if each["deployment"] == deployment]
    return [each["containers"]["envoy"]["pid"] for each in pods]


def test_a_back_end_that_is_down_loses_nothing(inquiries: Inquiries, count: int) -> None:
    """16 clients are answered while it refuses connections; when it is back it has each, once."""
    inquiries.back_end.behave("refuse")
    accepted = inquiries.send(count)
    assert inquiries.effects() == []

    inquiries.back_end.behave("serve")

    assert len(accepted) == count
    inquiries.check_once_in_effect(accepted, seconds=30 + count / A_SECOND)


@contextmanager
def before_it_has_the_listing(runner: Runner, _: Inquiries) -> Iterator[None]:
    """It waits for query-api, which hangs."""
    with stopped(*ways_in(runner, "query-api")):
        yield


@contextmanager
def before_the_back_end_takes_it(_: Runner, inquiries: Inquiries) -> Iterator[None]:
    """It waits for the back end, which has the request and does nothing with it."""
    arrived = inquiries.back_end.arrived
    inquiries.back_end.behave("hang")
    yield
    assert inquiries.back_end.arrived > arrived
    inquiries.back_end.behave("serve")


@contextmanager
def before_the_back_end_answers(_: Runner, inquiries: Inquiries) -> Iterator[None]:
    """It waits for the back end, which has taken the inquiry and does not say so."""
    inquiries.back_end.behave("late")
    yield
    inquiries.back_end.behave("serve")


STEPS: dict[str, Callable[[Runner, Inquiries], Any]] = {
    "claimed": before_it_has_the_listing,
    "sent": before_the_back_end_takes_it,
    "taken": before_the_back_end_answers,
}
WAITS_FOR: dict[str, Callable[[Inquiries, int], bool]] = {
    "claimed": lambda inquiries, _: bool(inquiries.claimed_by()),
    "sent": lambda inquiries, arrived: inquiries.back_end.arrived > arrived,
    "taken": lambda inquiries, _: bool(inquiries.effects()),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_relay_killed_on_the_way_loses_nothing(
    step: str, inquiries: Inquiries, own_runner: Runner
) -> None:
    """Killed while it asks for the listing, has sent, or was not answered: another takes over."""
    arrived = inquiries.back_end.arrived
    with STEPS[step](own_runner, inquiries):
        accepted = inquiries.send(1)
        wait_until(lambda: WAITS_FOR[step](inquiries, arrived), what=f"an inquiry is {step}")
        kill(pid(own_runner, inquiries.claimed_by()))

    inquiries.check_once_in_effect(accepted, seconds=TAKEN_OVER_SECONDS)
    assert inquiries.duplicates() == (step == "taken")


def test_a_relay_killed_before_it_writes_down_sends_it_again(
    inquiries: Inquiries, own_runner: Runner
) -> None:
    """It was answered, and what it would write waits for a lock: the back end has it already."""
    inquiries.back_end.behave("slow")
    arrived = inquiries.back_end.arrived
    accepted = inquiries.send(1)
    wait_until(lambda: inquiries.back_end.arrived > arrived, what="the inquiry is sent")
    holder = inquiries.claimed_by()
    with inquiries.connect() as connection, connection.transaction():
        connection.execute(
            "SELECT FROM bukken.inquiries WHERE message = %s FOR UPDATE", [inquiries.message]
        )
        wait_until(lambda: writing_waits(inquiries), what="the relay waits for the lock")
        kill(pid(own_runner, holder))
        end_sessions(inquiries)

    inquiries.check_once_in_effect(accepted, seconds=TAKEN_OVER_SECONDS)
    assert inquiries.duplicates() == 1


WAITING = (
    "FROM pg_stat_activity WHERE application_name = 'inquiry-relay' "
    "AND wait_event_type = 'Lock' AND query LIKE '%delivered_at = %'"
)


def writing_waits(inquiries: Inquiries) -> bool:
    """Whether a relay waits to write that it delivered one."""
    with inquiries.connect("bukken_master") as master:
        return bool(inquiries.effects()) and master.execute(f"SELECT {WAITING}").fetchone() == ()


def end_sessions(inquiries: Inquiries) -> None:
    """The server notices at once that its client is gone; it would go on waiting for the lock."""
    with inquiries.connect("bukken_master") as master:
        master.execute(f"SELECT pg_terminate_backend(pid) {WAITING}")


def test_a_relay_killed_under_load_loses_nothing(
    inquiries: Inquiries, own_runner: Runner, count: int
) -> None:
    """One of two is killed while both deliver: the other has what it held, when its lease ends."""
    with inquiries.sending(count) as sent:
        wait_until(lambda: len(inquiries.effects()) > 10, what="the relays deliver")
        kill(pid(own_runner, inquiries.claimed_by() or "inquiry-relay-1"))

    inquiries.check_once_in_effect(sent.result(), seconds=TAKEN_OVER_SECONDS + count / A_SECOND)


def test_a_database_restarted_under_load_loses_nothing(
    inquiries: Inquiries, own_runner: Runner, count: int
) -> None:
    """Every 202 that a client saw is delivered, though the primary ended without a goodbye."""
    before = own_runner.description["database"]["processes"]["instance-1"]
    with inquiries.sending(count) as sent:
        wait_until(lambda: len(inquiries.effects()) > 10, what="the relays deliver")
        os.kill(before, signal.SIGQUIT)  # at once, as after a crash
        own_runner.wait_until(
            lambda: own_runner.description["database"]["processes"]["instance-1"] != before,
            seconds=60,
            what="the primary is up again",
        )

    inquiries.check_once_in_effect(sent.result(), seconds=TAKEN_OVER_SECONDS + count / A_SECOND)


def test_an_envoy_killed_under_load_loses_nothing(
    inquiries: Inquiries, own_runner: Runner, count: int
) -> None:
    """The relay whose way out is gone puts off what it holds, and goes on when Envoy is back."""
    with inquiries.sending(count) as sent:
        wait_until(lambda: len(inquiries.effects()) > 10, what="the relays deliver")
        for pod in ("inquiry-relay-1", "inquiry-relay-2"):
            kill(pid(own_runner, pod, "envoy"))

    inquiries.check_once_in_effect(sent.result(), seconds=TAKEN_OVER_SECONDS + count / A_SECOND)


def test_a_query_api_that_is_down_is_waited_for(
    inquiries: Inquiries, own_runner: Runner, count: int
) -> None:
    """Nothing is delivered meanwhile, and then each with its listing."""
    with stopped(*ways_in(own_runner, "query-api")):
        accepted = inquiries.send(count // 10)
        wait_until(lambda: bool(inquiries.claimed_by()), what="a relay asks for a listing")
        assert inquiries.effects() == []

    inquiries.check_once_in_effect(accepted, seconds=TAKEN_OVER_SECONDS + count / A_SECOND)
    assert {lead["Snapshot"] for lead in inquiries.effects()} == {"attached"}
