"""How a process is told what to do: a start argument over an environment variable over a default.

One class per service, one field per setting, each with a sentence; `--help`, the README's table
and the refusal of a wrong value all come from it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, CliSettingsSource, SettingsConfigDict, SettingsError

PREFIX: Final = "BUKKEN_"

CONFIG: Final = SettingsConfigDict(
    env_prefix=PREFIX,
    env_ignore_empty=True,  # `${NAME:-}` in a manifest means: not set
    frozen=True,  # what a process was started with is what it runs with
    cli_kebab_case=True,
)


class ProcessSettings(BaseSettings):
    """What every service of ours can be told."""

    model_config = CONFIG

    host: str = Field("127.0.0.1", description="Address to listen on; the sidecar is the way in.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    envoy_admin_url: str = Field(
        "http://127.0.0.1:9901", description="Admin address of the Pod's own Envoy."
    )
    keep_alive_seconds: int = Field(
        75, ge=1, description="Idle connections live this long: longer than Envoy keeps them (30)."
    )
    graceful_seconds: int = Field(
        20, ge=1, description="After SIGTERM, requests in flight have this long to finish."
    )
    request_seconds: float = Field(
        12.0, gt=0, description="A request's whole time, every wait and retry included."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe message that is written."
    )


S = TypeVar("S", bound=BaseSettings)


class WrongSetting(SystemExit):
    """A setting that cannot be: the start ends with one line that names it."""


def load(cls: type[S], *, argv: Sequence[str], program: str) -> S:
    """The settings of this start.

    Raises:
        WrongSetting: one line naming the argument and variable, never a secret's value.
        SystemExit: status 0 after `--help`.
    """
    try:
        source = CliSettingsSource[BaseSettings](
            cls, cli_parse_args=list(argv), cli_prog_name=program, cli_exit_on_error=False
        )
        return cls(_cli_settings_source=source)
    except ValidationError as error:
        raise WrongSetting(f"{program}: {'; '.join(_one_line(error))}") from None
    except SettingsError as error:
        raise WrongSetting(f"{program}: {error}; see {program} --help") from None


def _one_line(error: ValidationError) -> list[str]:
    lines = []
    for fault in error.errors(include_input=False, include_url=False):
        name = "_".join(str(part) for part in fault["loc"]) or "settings"
        argument = "--" + name.replace("_", "-")
        lines.append(f"{argument} ({PREFIX}{name.upper()}): {fault['msg']}")
    return lines


def secret(value: SecretStr | None, *, file: Path | None) -> str | None:
    """A secret given as such or in a file, read anew each time: a rotated one needs no restart."""
    if file is not None:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    return value.get_secret_value() if value else None


def table(cls: type[BaseSettings]) -> str:
    """The README's table of settings, in Markdown."""
    rows = [
        f"| `--{name.replace('_', '-')}` | `{PREFIX}{name.upper()}` | "
        f"{_default(field.default)} | {field.description} |"
        for name, field in cls.model_fields.items()
    ]
    return "\n".join(
        ["| argument | variable | default | what it does |", "| --- | --- | --- | --- |", *rows]
    )


def _default(value: object) -> str:
    return "" if value is None else f"`{value}`"
