"""Clients that ask as fast as they are answered, each over one connection.

By hand on sockets: it takes some 20 µs a request of one core, a tenth of what httpx takes and far
less than any answer here; a program in C (wrk, h2load) would have to be installed first.
"""

import math
import re
import select
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_PIECE: Final = 1 << 18
# A request outlives no 15 s here.
SILENT_SECONDS: Final = 20


class WrongAnswer(Exception):
    """Something was answered that is not measured; the text is the beginning of the answer."""


@dataclass
class Load:
    """What was answered.

    Attributes:
        seconds: from the first question to the last answer.
        waits: of each answer, seconds, as they came.
        received: bytes of answers.
        last: the last answer, head and all.
        client_seconds: of the processor, that the clients themselves took.
    """

    seconds: float = 0
    waits: list[float] = field(default_factory=list)
    received: int = 0
    last: bytes = b""
    client_seconds: float = 0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.waits) / self.seconds


def request(
    method: str, target: str, *, token: str, body: bytes = b"", kind: str = "application/json"
) -> bytes:
    """A request as it goes over the wire; the target is escaped already."""
    head = [f"{method} {target} HTTP/1.1", "Host: bukken", f"Authorization: Bearer {token}"]
    if body:
        head += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode() + body


def ask_all(
    address: tuple[str, int],
    questions: Sequence[Iterator[bytes]],
    *,
    seconds: float,
    statuses: Sequence[int] = (200, 201, 204),
) -> Load:
    """Asks each client's questions one after the other, all clients at once.

    Args:
        address: who is asked.
        questions: of each client; one that has no more leaves.
        seconds: after that nothing new is asked.
        statuses: what counts as an answer.

    Raises:
        WrongAnswer: another one came.
    """
    load, begun = Load(), time.process_time()
    began = time.monotonic()
    asking: dict[int, _Client] = {}
    poll = select.epoll()
    try:
        for each in questions:
            client = _Client(address, questions=each, statuses=statuses)
            if client.ask():
                asking[client.fileno] = client
                poll.register(client.fileno, select.EPOLLIN)
        _go_on(asking, poll=poll, load=load, until=began + seconds)
    finally:
        poll.close()
        for client in asking.values():
            client.close()
    load.seconds = time.monotonic() - began
    load.client_seconds = time.process_time() - begun
    return load


def _go_on(asking: dict[int, "_Client"], *, poll: select.epoll, load: Load, until: float) -> None:
    while asking:
        for number, _ in poll.poll(SILENT_SECONDS) or _silent():
            if not asking[number].hear(load):
                continue
            if time.monotonic() > until or not asking[number].ask():
                poll.unregister(number)
                asking.pop(number).close()


def _silent() -> list[tuple[int, int]]:
    raise WrongAnswer(f"nobody answers within {SILENT_SECONDS} s")


class _Client:
    """One connection: a question at a time."""

    def __init__(
        self, address: tuple[str, int], *, questions: Iterator[bytes], statuses: Sequence[int]
    ) -> None:
        self._socket = socket.create_connection(address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._questions = questions
        self._good = tuple(f"HTTP/1.1 {status} ".encode() for status in statuses)
        self._heard = bytearray()
        self._asked = 0.0
        self.fileno = self._socket.fileno()

    def ask(self) -> bool:
        """Whether there was another question."""
        question = next(self._questions, None)
        if question is None:
            return False
        self._heard.clear()
        self._asked = time.monotonic()
        self._socket.sendall(question)
        return True

    def hear(self, load: Load) -> bool:
        """Whether the answer is whole; then it is in the load."""
        piece = self._socket.recv(_PIECE)
        self._heard += piece
        if not piece or len(self._heard) < self._length():
            if piece:
                return False
            raise WrongAnswer("the connection was closed")
        if not self._heard.startswith(self._good):
            raise WrongAnswer(self._heard[:2000].decode(errors="replace"))
        load.waits.append(time.monotonic() - self._asked)
        load.last = bytes(self._heard)
        load.received += len(self._heard)
        return True

    def _length(self) -> float:
        """Of the whole answer, bytes; infinite while its head is not here."""
        end = self._heard.find(b"\r\n\r\n")
        if end < 0:
            return math.inf
        length = _LENGTH.search(self._heard, 0, end + 2)
        return end + 4 + (int(length[1]) if length else 0)

    def close(self) -> None:
        """Leaves."""
        self._socket.close()
