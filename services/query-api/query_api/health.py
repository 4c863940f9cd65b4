"""Live: a thread turns. Ready: the database has once been seen to be the one needed.

After that an outage of the database does not make the Pod unready: it would take every Pod out
together, where a request answered 503 in a moment takes none.
"""

import logging
import threading
import time
from typing import Final

from flask import Blueprint, Response
from sqlalchemy import Engine

from bukken_contract.exact_json import encode
from bukken_contract.problems import Unavailable
from bukken_contract.sidecar import undrain
from bukken_database.readiness import FACTS, obstacle, obstacle_of

log = logging.getLogger(__name__)

# Below the second in which Envoy asks again.
ASK_AGAIN_SECONDS: Final = 0.5


class Readiness:
    """What this process still waits for, found out in the background."""

    def __init__(self, engine: Engine, *, admin_url: str) -> None:
        self._engine = engine
        self._admin_url = admin_url
        self.waits_for: str | None = "the database has not been asked yet"

    def begin(self) -> None:
        """Starts asking; to be called in the process that serves: threads survive no fork."""
        threading.Thread(target=self._watch, name="readiness", daemon=True).start()

    def _watch(self) -> None:
        while (found := self._obstacle()) is not None:
            if found != self.waits_for:
                log.warning("not ready: %s", found)
            self.waits_for = found
            time.sleep(ASK_AGAIN_SECONDS)
        # First this, then ready: Envoy must not see a healthy app while it is still drained.
        undrain(self._admin_url)
        self.waits_for = None
        log.info("ready")

    def _obstacle(self) -> str | None:
        """Asks once. Why not through `ReadDatabase`? It tries again and logs each attempt."""
        try:
            with self._engine.connect() as connection:
                return obstacle(connection.execute(FACTS).mappings().one_or_none())
        except Exception as error:  # noqa: BLE001 — a thread that died would never become ready
            return f"{obstacle_of(error)} ({type(error).__name__})"


def endpoints(readiness: Readiness) -> Blueprint:
    """The two questions of the platform."""
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz/live")
    def live() -> Response:
        return _saying("live")

    @blueprint.get("/healthz/ready")
    def ready() -> Response:
        if readiness.waits_for is not None:
            raise Unavailable(f"not ready: {readiness.waits_for}")
        return _saying("ready")

    return blueprint


def _saying(status: str) -> Response:
    return Response(encode({"status": status}), content_type="application/json")
