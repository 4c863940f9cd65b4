from pathlib import Path

import pytest
from pydantic import Field, SecretStr, ValidationError

from bukken_contract.settings import ProcessSettings, WrongSetting, load, secret, table


class Settings(ProcessSettings):
    """A service's settings, as the real ones are made."""

    password: SecretStr | None = Field(None, description="A secret.")
    password_file: Path | None = Field(None, description="A file with it.")


def settings(*argv: str) -> Settings:
    """What a service started with these arguments gets."""
    return load(Settings, argv=argv, program="service")


def test_defaults_make_a_service_that_runs_alone() -> None:
    """With nothing set, a service listens on the loopback alone."""
    assert (settings().host, settings().port) == ("127.0.0.1", 8000)


def test_an_argument_beats_the_environment_beats_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The nearer the word, the more it counts."""
    monkeypatch.setenv("BUKKEN_PORT", "8001")

    assert settings().port == 8001
    assert settings("--port", "8002").port == 8002


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest that passes on what is not set passes on an empty string."""
    monkeypatch.setenv("BUKKEN_PORT", "")

    assert settings().port == 8000


def test_settings_stay_what_they_were_at_the_start() -> None:
    """Nobody has to ask which part of a process changed one."""
    given, name = settings(), "port"

    with pytest.raises(ValidationError, match="frozen"):
        setattr(given, name, 1)


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["--port", "http"], "--port (BUKKEN_PORT)"),
        (["--port", "0"], "--port (BUKKEN_PORT)"),
        (["--log-level", "loud"], "log-level"),
        (["--no-such-setting", "1"], "--no-such-setting"),
    ],
)
def test_a_wrong_value_ends_the_start_with_one_line(argv: list[str], named: str) -> None:
    """The line names the setting, as argument and as variable."""
    with pytest.raises(WrongSetting) as refused:
        settings(*argv)

    assert named in str(refused.value)
    assert "\n" not in str(refused.value).strip()


def test_a_wrong_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends the start never quotes a value: it may be a secret in the wrong place."""
    monkeypatch.setenv("BUKKEN_PORT", "hunter2")

    with pytest.raises(WrongSetting) as refused:
        settings()

    assert "hunter2" not in str(refused.value)


def test_a_secret_file_is_read_anew_each_time(tmp_path: Path) -> None:
    """A rotated password needs no restart."""
    file = tmp_path / "password"
    file.write_text("old\n")
    given = settings("--password-file", str(file))
    before = secret(given.password, file=given.password_file)
    file.write_text("new\n")

    assert (before, secret(given.password, file=given.password_file)) == ("old", "new")


def test_a_secret_never_shows_itself() -> None:
    """Printed, logged or quoted, settings hide their secrets."""
    assert "hunter2" not in repr(settings("--password", "hunter2"))


def test_help_says_what_each_setting_does(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` prints the table and ends well."""
    with pytest.raises(SystemExit) as ended:
        settings("--help")

    assert not ended.value.code
    assert "After SIGTERM" in capsys.readouterr().out


def test_every_setting_has_its_sentence() -> None:
    """The README's table has a line for each field, and none is empty."""
    lines = table(Settings).splitlines()[2:]

    assert len(lines) == len(Settings.model_fields)
    assert all(line.rstrip("| ").endswith(".") for line in lines)
