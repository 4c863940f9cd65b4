"""An exchange that does to each line of a batch what a test says."""

import json
import os
import signal
import time
from collections import defaultdict
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

DROP = "drop the connection"
CTRL_C = "press Ctrl-C and never answer"
PROBLEM = {
    "status": 422,
    "detail": "not valid",
    "errors": [{"field": "ListPrice", "detail": "is too large"}],
}


class Answer(NamedTuple):
    """What the exchange says to a whole batch."""

    status: int
    body: str = ""
    retry_after: str = ""


class Result(NamedTuple):
    """What it says of one line."""

    word: str
    problem: Mapping[str, object] | None = None

    @property
    def line(self) -> str:
        """As it is sent."""
        return json.dumps(
            {"Result": self.word} | ({"Problem": self.problem} if self.problem else {})
        )


CREATED = Result("created")
INVALID = Result("invalid", PROBLEM)
Script = list[Answer | Result | str]


class Exchange(ThreadingHTTPServer):
    """An exchange that does to each parcel what its script says, and at last takes it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.scripts: dict[str, Script] = defaultdict(list)
        self.requests: dict[str, list[float]] = defaultdict(list)
        self.tokens: list[str] = []
        self.connections = 0

    def handle_error(self, *_: object) -> None:
        """Keep the tests' output clean: an import that is stopped closes its connections."""

    def next_answer(self, parcel: str, *, at: str) -> Answer | Result | str:
        """What the parcel's script says next."""
        if at != "/v1/batches/listings":
            return Answer(404)
        script = self.scripts[parcel]
        return script.pop(0) if script else CREATED

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Exchange

    def setup(self) -> None:
        """Count the connection."""
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        """Answer by the scripts of the batch's parcels: as one of them says, or line by line."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        parcels = [json.loads(line)["ListingKey"].split("-")[2] for line in body.splitlines()]
        self.server.tokens.append(self.headers["Authorization"])
        for parcel in parcels:
            self.server.requests[parcel].append(time.monotonic())
        answers = [self.server.next_answer(parcel, at=self.path) for parcel in parcels]
        answer = next((one for one in answers if not isinstance(one, Result)), None)
        if answer == CTRL_C:
            os.kill(os.getpid(), signal.SIGINT)
        if isinstance(answer, str):
            self.close_connection = True
            return
        lines = "\n".join(one.line for one in answers if isinstance(one, Result))
        self.answer(answer or Answer(200, lines))

    def answer(self, answer: Answer) -> None:
        """Send it."""
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(answer.body)))
        if answer.retry_after:
            self.send_header("Retry-After", answer.retry_after)
        self.end_headers()
        self.wfile.write(answer.body.encode())

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""
