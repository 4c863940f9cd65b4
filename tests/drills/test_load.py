"""The load is open-loop, and its two kinds of client do what they say."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice, pairwise
from pathlib import Path

import msgspec
import pytest
from waiting import wait_until

from drills.answers import read_answers
from drills.load import SWEEP_STEPS, Plan, schedule

Status = Callable[[str, int], int]
"""Of a path, asked for the nth time."""


class Server:
    """Answers as it is told, and may stand still."""

    def __init__(self, status: Status) -> None:
        self.asked: Counter[str] = Counter()
        self.inquiries: list[tuple[str, str]] = []
        self.goes_on = threading.Event()
        self.goes_on.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                outer.goes_on.wait(20)
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                if self.command == "POST":
                    named = self.headers["Idempotency-Key"], json.loads(body)["Message"]
                    outer.inquiries.append(named)
                outer.asked[self.path] += 1
                self.send_response(status(self.path, outer.asked[self.path]))
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_PUT = do_POST = answer  # noqa: N815 — the library's names

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.http.server_address[1]}"


@contextmanager
def serving(status: Status) -> Iterator[Server]:
    """A server for the length of a test."""
    server = Server(status)
    thread = threading.Thread(target=server.http.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        thread.join()
        server.http.server_close()


@contextmanager
def loaded(server: Server, to: Path, **a_second: float) -> Iterator[Path]:
    """Load on a server; on the way out its last answer is there."""
    with sending(server, to, surge=0, **a_second):
        yield to / "answers"


@contextmanager
def sending(
    server: Server, to: Path, *, surge: float, **a_second: float
) -> Iterator[subprocess.Popen[bytes]]:
    """The process that sends it."""
    kinds = ("reads", "writes", "inquiries")
    plan = Plan(
        urls=dict.fromkeys(kinds, server.url),
        tokens=dict.fromkeys(kinds, "token"),
        a_second=a_second,
        burst={},
        burst_seconds=0,
        connections=4,
        run="test",
        surge=surge,
        patience_seconds=2,
    )
    (to / "plan").write_bytes(msgspec.json.encode(plan))
    command = [sys.executable, "-m", "drills.load", str(to / "plan"), str(to / "answers")]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_who_stands_still_is_seen_to(tmp_path: Path) -> None:
    """Requests go on being due while nothing is answered; each counts its wait from then on."""
    with serving(lambda *_: 200) as server, loaded(server, tmp_path, reads=50) as file:
        wait_until(lambda: server.asked.total() > 20, what="requests come")
        server.goes_on.clear()
        stopped = time.monotonic()
        time.sleep(1)  # how long it stands still, not a wait for anything
        server.goes_on.set()
        wait_until(lambda: server.asked.total() > 100, what="requests come again")

    answers = read_answers(file)
    waiting = [a for a in answers if stopped < a.due < stopped + 0.9]
    assert len(waiting) >= 40
    assert all(answer.took > stopped + 0.9 - answer.due for answer in waiting)


@pytest.mark.parametrize(("status", "attempts"), [(503, 3), (429, 3), (502, 3), (404, 1)])
def test_a_patient_client_asks_again_and_another_never(
    status: int, attempts: int, tmp_path: Path
) -> None:
    """After what the contract says may be sent again; each write is of a path of its own."""
    with (
        serving(lambda _, nth: 201 if nth == 3 else status) as server,
        loaded(server, tmp_path, writes=20) as file,
    ):
        wait_until(lambda: server.asked.total() > 20, what="requests come")

    answers = read_answers(file)
    assert {a.attempts for a in answers if a.patient} == {attempts}
    assert {a.status for a in answers if a.patient} == {"201" if attempts == 3 else str(status)}
    assert {(a.attempts, a.status) for a in answers if not a.patient} == {(1, str(status))}


def test_an_inquiry_is_found_by_its_message(tmp_path: Path) -> None:
    """It is the drill's own key each time it is sent, whatever its client is told."""
    with serving(lambda *_: 503) as server, loaded(server, tmp_path, inquiries=20) as file:
        wait_until(lambda: len(server.inquiries) > 20, what="inquiries come")

    answers = read_answers(file)
    sent = {answer.key: answer.attempts for answer in answers}
    assert Counter(server.inquiries) == {(key, key): times for key, times in sent.items()}
    assert max(sent.values()) > 1


def test_which_of_two_clients_is_patient_is_chance(tmp_path: Path) -> None:
    """A load balancer takes turns between two Pods: one would get all that never ask again."""
    with serving(lambda *_: 200) as server, loaded(server, tmp_path, reads=40) as file:
        wait_until(lambda: server.asked.total() > 40, what="requests come")

    first_of_two = [answer.patient for answer in read_answers(file)][::2]
    assert set(first_of_two) == {True, False}


def test_half_of_each_kind_is_by_patient_clients(tmp_path: Path) -> None:
    """Also where two kinds take turns: otherwise all of a kind would ask again, or none."""
    with (
        serving(lambda *_: 200) as server,
        loaded(server, tmp_path, reads=20, writes=20) as file,
    ):
        wait_until(lambda: server.asked.total() > 20, what="requests come")

    by_whom = {(a.kind, a.patient) for a in read_answers(file)}
    assert by_whom == {(kind, who) for kind in ("reads", "writes") for who in (True, False)}


def test_a_surge_comes_between_two_signals(tmp_path: Path) -> None:
    """It is of reads alone, beside what comes anyway, and none of its clients asks again."""
    with (
        serving(lambda *_: 503) as server,
        sending(server, tmp_path, surge=100, writes=20) as process,
    ):
        wait_until(lambda: server.asked.total() > 5, what="requests come")
        before = set(server.asked)
        process.send_signal(signal.SIGUSR1)
        wait_until(lambda: server.asked["/v1/listings?limit=5"] > 10, what="the surge comes")
        process.send_signal(signal.SIGUSR2)

    reads = [answer for answer in read_answers(tmp_path / "answers") if answer.kind == "reads"]
    assert not any("limit" in path for path in before)
    assert len(reads) > 40
    assert not any(answer.patient for answer in reads)


def test_nobody_there_is_an_answer_too(tmp_path: Path) -> None:
    """A refused connection is written down by its name."""
    with serving(lambda *_: 200) as server:
        pass
    with loaded(server, tmp_path, reads=50) as file:
        wait_until(lambda: file.exists() and file.stat().st_size > 0, what="something is written")

    assert {a.status for a in read_answers(file) if not a.patient} == {"ConnectError"}


def test_the_schedule_keeps_its_rates() -> None:
    """Each kind at its own, and bursts all at once."""
    plan = Plan(urls={}, tokens={}, a_second={"reads": 10, "writes": 5}, burst={"mesh": 3},
                burst_seconds=0.5, connections=1, run="test")  # fmt: skip
    first = [kind for due, kind in islice(schedule(plan, began=100), 60) if due < 101.95]

    assert Counter(first) == {"reads": 20, "writes": 10, "mesh": 12}


def test_the_pause_between_bursts_is_swept() -> None:
    """It grows by a step each time, so that one of them meets a moment that is not known."""
    plan = Plan(urls={}, tokens={}, a_second={}, burst={"reads": 1}, burst_seconds=1,
                sweep_seconds=0.2, connections=1, run="test")  # fmt: skip
    dues = [due for due, _ in islice(schedule(plan, began=0), SWEEP_STEPS + 2)]
    pauses = [after - before for before, after in pairwise(dues)]

    assert pauses == pytest.approx([1 + 0.2 * n / SWEEP_STEPS for n in (*range(SWEEP_STEPS), 0)])


def test_answers_are_read_by_the_time_at_which_they_were_due(tmp_path: Path) -> None:
    """They were written as they came."""
    late = [2.0, 0.1, "reads", True, "200", 1, "", ""]
    early = [1.0, 5.0, "writes", False, "201", 1, "k", ""]
    lines = (json.dumps(line) + "\n" for line in (late, early))
    (tmp_path / "answers").write_text("".join(lines))

    first, last = read_answers(tmp_path / "answers")
    assert (first.key, first.done, last.kind) == ("k", 6.0, "reads")
