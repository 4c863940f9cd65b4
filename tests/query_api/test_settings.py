import gc
from pathlib import Path

import pytest
import yaml

from bukken_contract.settings import load, table
from bukken_database.sessions import ATTEMPT_SECONDS, ReadDatabase
from query_api.server import Server
from query_api.settings import Settings

ROOT = Path(__file__).parents[2]
README = ROOT / "services" / "query-api" / "README.md"
ENVOY_ROUTE_SECONDS = 15  # tests/deployment/test_timing_budget.py holds it


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


def test_the_server_obeys_the_settings() -> None:
    """Each number of the timing budget reaches gunicorn; forgotten, its default would cut in."""
    argv = ["--keep-alive-seconds=3", "--graceful-seconds=4", "--threads=5", "--port=6"]

    config = Server(load(Settings, argv=argv, program="query_api")).cfg

    assert (config.keepalive, config.graceful_timeout, config.threads) == (3, 4, 5)
    assert config.address == [("127.0.0.1", 6)]


def test_a_stuck_worker_is_replaced_before_its_pod() -> None:
    """Later than any request ends, and earlier than the kubelet has lost its patience."""
    documents = yaml.safe_load_all((ROOT / "k8s/base/query-api.yaml").read_text("utf-8"))
    (deployment,) = (each for each in documents if each["kind"] == "Deployment")
    (app,) = deployment["spec"]["template"]["spec"]["containers"]
    probe = app["livenessProbe"]
    patience = probe["periodSeconds"] * (probe["failureThreshold"] - 1)

    config = Server(load(Settings, argv=[], program="query_api")).cfg

    assert ENVOY_ROUTE_SECONDS < config.timeout < patience


def test_the_worker_shares_what_the_master_has_loaded() -> None:
    """Its garbage collector would write into every page of it, and a page written to is copied."""
    before_fork = Server(load(Settings, argv=[], program="query_api")).cfg.pre_fork
    assert gc.get_freeze_count() == 0

    before_fork(None, None)
    frozen = gc.get_freeze_count()
    gc.unfreeze()

    assert frozen > 0
