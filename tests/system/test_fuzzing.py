"""schemathesis asks the running platform whatever its document allows, and finds nothing."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import bukken_contract

if TYPE_CHECKING:
    from running_platform import Platform

DOCUMENT = Path(bukken_contract.__file__).parent / "openapi.json"
HOOKS = Path(__file__).parents[1] / "fuzzing"
SCOPES = tuple(
    f"bukken/{scope}"
    for scope in ("listings.read", "listings.write", "inquiries.write", "inquiries.deliver")
)

# Half a minute: the bounds of each value and what lies beyond them, and a few random cases. HEAD is
# the same code as GET.
USUAL = ("--max-examples", "5", "--exclude-method", "HEAD")
LEAST_CASES = 2_500
SECONDS = 3_600


@pytest.mark.timeout(SECONDS)
def test_a_fuzzer_finds_nothing(platform: "Platform", pytestconfig: pytest.Config) -> None:
    """No 500, no answer or header that is not documented, nothing taken that should be refused.

    Nor refused that should be taken. Always the same cases; --fuzzing-examples asks for more.
    """
    more: int | None = pytestconfig.getoption("fuzzing_examples")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(HOOKS / "schemathesis.toml"), "run", str(DOCUMENT)),
            *(("--max-examples", str(more)) if more else USUAL),
            *("--seed", "20261122", "--continue-on-failure"),
        ],
        env={**os.environ, **_environment(platform)},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    print(done.stdout)  # noqa: T201 — shown with a failure, and by `make fuzz`

    assert done.returncode == 0, done.stderr
    assert int(re.findall(r"(\d+) generated", done.stdout)[-1]) >= LEAST_CASES


def _environment(platform: "Platform") -> dict[str, str]:
    tokens = {scope: platform.token(scope.removeprefix("bukken/")) for scope in SCOPES}
    return {
        "BUKKEN_URL": platform.url,
        "BUKKEN_TOKENS": json.dumps(tokens),
        "PYTHONPATH": str(HOOKS),
    }
