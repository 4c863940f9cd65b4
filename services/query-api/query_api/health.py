"""Live: a thread turns. Ready: the database has once been seen to be the one needed."""

import threading
import time

from flask import Blueprint, Response
from sqlalchemy import Engine

from bukken_contract.exact_json import encode
from bukken_contract.problems import Unavailable
from bukken_database.readiness import (
    ASK_AGAIN_SECONDS,
    FACTS,
    Readiness,
    obstacle,
    obstacle_of,
)


def begin_to_watch(engine: Engine, *, readiness: Readiness) -> None:
    """Starts asking; to be called in the process that serves: threads survive no fork."""
    asking = {"engine": engine, "readiness": readiness}
    threading.Thread(target=_watch, kwargs=asking, name="readiness", daemon=True).start()


def _watch(engine: Engine, *, readiness: Readiness) -> None:
    while readiness.must_wait(_obstacle(engine)):
        time.sleep(ASK_AGAIN_SECONDS)


def _obstacle(engine: Engine) -> str | None:
    """Asks once. Why not through `ReadDatabase`? It tries again and logs each attempt."""
    try:
        with engine.connect() as connection:
            return obstacle(connection.execute(FACTS).mappings().one_or_none())
    except Exception as error:  # noqa: BLE001 — a thread that died would never become ready
        return obstacle_of(error)


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
