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

    done = fuzzed(platform, DOCUMENT, *(("--max-examples", str(more)) if more else USUAL))

    assert done.returncode == 0, done.stderr
    assert int(re.findall(r"(\d+) generated", done.stdout)[-1]) >= LEAST_CASES


def test_a_document_that_is_not_true_is_found_out(platform: "Platform", tmp_path: Path) -> None:
    """The control: an answer that is not documented fails the run."""
    untrue = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    del untrue["paths"]["/v1/listing-keys"]["get"]["responses"]["200"]
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(untrue), encoding="utf-8")

    done = fuzzed(platform, document, "--include-operation-id", "listKeys", "--phases", "examples")

    assert done.returncode == 1
    assert "Undocumented status code" in done.stdout


def fuzzed(platform: "Platform", document: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """What schemathesis found with a document."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(HOOKS / "schemathesis.toml"), "run", str(document)),
            *("--continue-on-failure", *options),
        ],
        env={**os.environ, **_environment(platform)},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    print(done.stdout)  # noqa: T201 — shown with a failure, and by `make fuzz`
    return done


def _environment(platform: "Platform") -> dict[str, str]:
    tokens = {scope: platform.token(scope.removeprefix("bukken/")) for scope in SCOPES}
    return {
        "BUKKEN_URL": platform.url,
        "BUKKEN_TOKENS": json.dumps(tokens),
        "PYTHONPATH": str(HOOKS),
    }
