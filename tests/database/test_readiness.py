import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, cast

import pytest
from psycopg import errors

from bukken_database.connections import reader_engine
from bukken_database.readiness import FACTS, Readiness, obstacle, obstacle_of
from bukken_database.schema import SCHEMA_LEVEL
from bukken_database.sessions import ReadSession

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase
    from sqlalchemy import RowMapping

SOUND = {"encoding": "UTF8", "collate": "C.UTF-8", "ctype": "C.UTF-8", "level": SCHEMA_LEVEL}


def facts(**other: object) -> "RowMapping":
    """The facts of a sound database, but for those given."""
    return cast("RowMapping", cast("Any", SOUND | other))


def test_the_database_bootstrap_makes_is_one_to_work_with(database: "MigratedDatabase") -> None:
    """Asked as the reader, over the connection a service would use."""
    engine = reader_engine(database.settings("bukken_reader"), application="test")
    with engine.connect() as connection:
        found = obstacle(ReadSession(connection).row(FACTS))
    engine.dispose()

    assert found is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"encoding": "SQL_ASCII"}, "encoding is SQL_ASCII"),
        ({"collate": "en_US.UTF-8"}, "C.UTF-8 is needed"),
        ({"ctype": "C"}, "C.UTF-8 is needed"),
        ({"level": SCHEMA_LEVEL - 1}, "run the migrations"),
        ({"level": None}, "run the migrations"),
    ],
)
def test_a_database_that_would_not_do_is_refused_by_name(
    wrong: dict[str, object], said: str
) -> None:
    """A process says what is wrong with the database instead of working wrongly on it."""
    assert said in (obstacle(facts(**wrong)) or "")


def test_a_newer_schema_will_do() -> None:
    """Old Pods keep working while a release migrates under them."""
    assert obstacle(facts(level=SCHEMA_LEVEL + 1)) is None


def test_an_empty_database_says_what_to_run(empty_database: "MigratedDatabase") -> None:
    """Before the migrations there is no table to ask, and the reason is still a sentence."""
    engine = reader_engine(empty_database.settings("bukken_reader"), application="test")
    with engine.connect() as connection, pytest.raises(Exception, match="schema_level") as refused:
        ReadSession(connection).row(FACTS)
    engine.dispose()

    assert "run bootstrap and migrations" in obstacle_of(refused.value)


@pytest.mark.parametrize("state", ["42P01", "3F000", "3D000", "42501", "28P01", "28000"])
def test_what_bootstrap_has_not_made_yet_is_said_to_be_so(state: str) -> None:
    """No table, schema, database, right, password or role: each is mended by the same two jobs."""
    assert "run bootstrap and migrations" in obstacle_of(errors.lookup(state)())


def test_no_answer_at_all_is_another_obstacle() -> None:
    """Who looks for a server does not run migrations."""
    said = "no database answers (ConnectionRefusedError)"

    assert obstacle_of(ConnectionRefusedError()) == said


def test_each_obstacle_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """A process that waits for a night leaves a line for each reason, and no stream."""
    readiness = Readiness(admin_url="http://127.0.0.1:9")

    waited = [readiness.must_wait(found) for found in ("one", "one", "two", "two", "one")]

    assert waited == [True] * 5
    assert readiness.waits_for == "one"
    said = [record.getMessage() for record in caplog.records]
    assert said == ["not ready: one", "not ready: two", "not ready: one"]


class SidecarWithoutKeys(BaseHTTPRequestHandler):
    """An Envoy's admin whose issuer is away."""

    def do_GET(self) -> None:
        """Its figures."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"jwks_fetch_failed: 1\njwks_fetch_success: 0\n")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def test_a_process_waits_for_the_keys_of_its_sidecar() -> None:
    """With the right database alone it would be sent requests that its sidecar must refuse."""
    with HTTPServer(("127.0.0.1", 0), SidecarWithoutKeys) as admin:
        threading.Thread(target=admin.handle_request, daemon=True).start()
        readiness = Readiness(admin_url=f"http://127.0.0.1:{admin.server_port}")

        waits = readiness.must_wait(None)

    assert waits
    assert readiness.waits_for is not None
    assert "no keys" in readiness.waits_for
