from pathlib import Path

import pytest

from bukken_contract.settings import load, table
from bukken_database.sessions import ATTEMPT_SECONDS, ReadDatabase
from query_api.settings import Settings

README = Path(__file__).parents[2] / "services" / "query-api" / "README.md"


def test_the_readme_has_the_table_of_settings() -> None:
    """A setting that is not documented does not exist for the one who runs it."""
    text = README.read_text(encoding="utf-8")

    documented = text.partition("<!-- settings -->\n")[2].partition("\n<!-- /settings -->")[0]

    assert documented == table(Settings)


def test_nothing_set_is_right_for_a_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader's role, on the loopback."""
    monkeypatch.delenv("BUKKEN_DATABASE_USER", raising=False)

    settings = load(Settings, argv=[], program="query_api")

    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.database_user == "bukken_reader"


def test_a_variable_sets_and_an_argument_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argument over variable over default, under one prefix."""
    monkeypatch.setenv("BUKKEN_THREADS", "4")
    monkeypatch.setenv("BUKKEN_PORT", "8001")

    settings = load(Settings, argv=["--port", "8002"], program="query_api")

    assert (settings.threads, settings.port) == (4, 8002)


def test_each_thread_has_a_connection() -> None:
    """Fewer, and a thread would wait for the pool with a request in its hand."""
    fields = Settings.model_fields

    assert fields["database_pool_size"].default == fields["threads"].default


def test_no_attempt_outlives_the_request() -> None:
    """Waiting for the pool, connecting and the statement fit in; a last attempt too."""
    request_seconds = Settings.model_fields["request_seconds"].default

    assert request_seconds > ATTEMPT_SECONDS
    assert ReadDatabase.__init__.__kwdefaults__ == {"request_seconds": request_seconds}
