from pathlib import Path

import pytest

from bukken_contract.settings import WrongSetting, load, table
from command_api.__main__ import server_config
from command_api.settings import Settings

README = Path(__file__).parents[2] / "services" / "command-api" / "README.md"


def test_the_readme_has_the_table_of_settings() -> None:
    """A setting that is not documented does not exist for the one who runs it."""
    text = README.read_text(encoding="utf-8")

    documented = text.partition("<!-- settings -->\n")[2].partition("\n<!-- /settings -->")[0]

    assert documented == table(Settings)


def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong value stops the start with one line that names it."""
    monkeypatch.setenv("BUKKEN_CONCURRENCY", "many")

    with pytest.raises(WrongSetting, match=r"^command_api: --concurrency \(BUKKEN_CONCURRENCY\)"):
        load(Settings, argv=[], program="command_api")


def test_the_server_obeys_the_settings() -> None:
    """Each number of the timing budget reaches uvicorn; forgotten, its default would cut in."""
    argv = ["--keep-alive-seconds=1", "--graceful-seconds=2", "--concurrency=3", "--port=4"]

    config = server_config(load(Settings, argv=argv, program="command_api"))

    assert (config.timeout_keep_alive, config.timeout_graceful_shutdown) == (1, 2)
    assert (config.limit_concurrency, config.port, config.host) == (3, 4, "127.0.0.1")
    assert (config.workers, config.access_log, config.server_header) == (1, False, False)


def test_the_server_takes_what_is_named_and_not_what_is_installed() -> None:
    """Parser, loop and protocols are those it was tested with, and a failed start is one."""
    config = server_config(load(Settings, argv=[], program="command_api"))

    assert (config.http, config.loop, config.ws) == ("httptools", "uvloop", "none")
    assert (config.lifespan, config.proxy_headers) == ("on", False)
