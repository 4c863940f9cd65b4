"""An exchange that does to each listing what a test says."""

import os
import signal
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

DROP = "drop the connection"
CTRL_C = "press Ctrl-C and never answer"
CREATED = '{"Result": "created"}'
LATE = '{"type": "urn:bukken:problem:late-source-version", "detail": "newer news is here"}'
INVALID = '{"detail": "not valid", "errors": [{"field": "ListPrice", "detail": "is too large"}]}'


class Answer(NamedTuple):
    """What the exchange says to one request."""

    status: int
    body: str = ""
    retry_after: str = ""


Script = list[Answer | str]


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

    def do_PUT(self) -> None:
        """Answer by the script."""
        self.rfile.read(int(self.headers["Content-Length"]))
        parcel = self.path.split("-")[2]
        self.server.requests[parcel].append(time.monotonic())
        self.server.tokens.append(self.headers["Authorization"])
        script = self.server.scripts[parcel]
        answer = script.pop(0) if script else Answer(201, CREATED)
        if answer == CTRL_C:
            os.kill(os.getpid(), signal.SIGINT)
        if isinstance(answer, str):
            self.close_connection = True
            return
        self.answer(answer)

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
