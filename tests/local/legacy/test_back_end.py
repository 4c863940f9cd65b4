"""The back end's stand-in as one that takes leads, and misbehaves as it is told."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from waiting import wait_until

from bukken_local.database.endpoint import Address
from bukken_local.legacy.ledger import Ledger, effects, read

NOBODY_WAITS_SECONDS = 0.3


class BackEnd:
    """One as a process, and its ledger."""

    def __init__(self, door: Address, control: Address, *, ledger: Path) -> None:
        self.ledger = ledger
        self._door, self._control = f"http://{door}", f"http://{control}"
        arguments = ("--port", door.port, "--control-port", control.port, "--ledger", ledger)
        command = [sys.executable, "-m", "bukken_local.legacy.back_end", *map(str, arguments)]
        self.process = subprocess.Popen(command)

    def post(self, key: str, *, seconds: float = 5) -> int | str:
        """The status, or what there was in its place."""
        headers = {"Idempotency-Key": key}
        try:
            return httpx.post(
                f"{self._door}/leads", json={}, headers=headers, timeout=seconds, trust_env=False
            ).status_code
        except httpx.TransportError as error:
            return type(error).__name__

    def behave(self, *phases: tuple[str, float | None]) -> httpx.Response:
        """A schedule."""
        body = [{"does": does, "seconds": seconds} for does, seconds in phases]
        return httpx.put(f"{self._control}/behaviour", json=body, trust_env=False)

    def answers(self) -> bool:
        """Whether its control does."""
        try:
            return httpx.get(f"{self._control}/behaviour", trust_env=False).is_success
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def back_end(
    free_address: Callable[[], Address], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BackEnd]:
    """One for all tests; each has keys of its own and leaves it serving."""
    ledger = tmp_path_factory.mktemp("back-end") / "ledger"
    made = BackEnd(free_address(), free_address(), ledger=ledger)
    wait_until(made.answers, what="the back end answers")
    yield made
    made.process.kill()
    made.process.wait()


def test_a_lead_has_one_effect_however_often_it_comes(back_end: BackEnd) -> None:
    """It is known by its key; each further time stands in the ledger as a duplicate."""
    assert [back_end.post("one") for _ in range(3)] == [201, 200, 200]
    lines = [line for line in read(back_end.ledger) if line["Key"] == "one"]
    assert lines == [{"Key": "one", "Lead": {}}, *2 * [{"Key": "one", "Duplicate": True}]]


@pytest.mark.parametrize(
    ("deed", "answer"),
    [
        ("refuse", "ConnectError"),
        ("answer-500", 500),
        ("answer-503", 503),
        ("answer-422", 422),
        ("maintain", 503),
        ("page", 200),
        ("hang", "ReadTimeout"),
        ("late", "ReadTimeout"),
    ],
)
def test_it_misbehaves_as_it_is_told_and_then_serves(
    deed: str, answer: int | str, back_end: BackEnd
) -> None:
    """Nothing is taken but by one that is late, whose client has given up by then."""
    assert back_end.behave((deed, None)).status_code == 200
    assert back_end.post(deed, seconds=NOBODY_WAITS_SECONDS) == answer
    assert (deed in effects(back_end.ledger)) == (deed == "late")

    back_end.behave(("serve", None))
    assert back_end.post(deed) == (200 if deed == "late" else 201)


def test_a_slow_one_answers_late_and_well(back_end: BackEnd) -> None:
    """Two seconds, which nobody of those who call it may take for an end."""
    back_end.behave(("slow", None))

    assert back_end.post("slow") == 201
    back_end.behave(("serve", None))


def test_a_schedule_goes_on_by_itself(back_end: BackEnd) -> None:
    """After its last phase it serves."""
    back_end.behave(("answer-500", 3), ("refuse", 1))

    assert back_end.post("scheduled") == 500
    wait_until(lambda: back_end.post("scheduled") == "ConnectError", what="it refuses", seconds=15)
    wait_until(lambda: back_end.post("scheduled") == 201, what="it serves", seconds=15)


def test_what_it_does_not_know_it_does_not_do(back_end: BackEnd) -> None:
    """A slip of the pen is told."""
    assert back_end.behave(("explode", None)).status_code == 422


def test_the_ledger_outlives_its_process(tmp_path: Path) -> None:
    """A lead that was taken is known again; a line that a crash cut short was never answered."""
    path = tmp_path / "ledger"
    Ledger(path).take("kept", {})
    with path.open("a") as file:
        file.write('{"Key": "cut sh')

    assert not Ledger(path).take("kept", {})
    assert read(path) == [{"Key": "kept", "Lead": {}}, {"Key": "kept", "Duplicate": True}]
