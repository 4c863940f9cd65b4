import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bukken_local.kubernetes import envoy_files
from bukken_local.processes import binaries
from bukken_local.processes.child import Child

ROOT = Path(__file__).parents[2]
FILES = ["alb", "command-api", "query-api", "inquiry-relay"]


async def verdict(document: dict[str, Any], *, directory: Path) -> tuple[int | None, str]:
    """Envoy's exit status and its words on a file."""
    shutil.copytree(ROOT / "local/place", directory / "place")
    (directory / "envoy.yaml").write_text(json.dumps(document))
    child = Child.start(
        [binaries.envoy(), "--mode", "validate", "-c", "envoy.yaml", *envoy_files.EXTRA_ARGUMENTS],
        name="envoy",
        log=directory / "log",
        env={},
        cwd=directory,
    )
    await child.wait()
    return child.exit_status, child.log.read_text()


@pytest.mark.parametrize("name", FILES)
def test_envoy_accepts_each_file_without_a_warning(
    name: str, config: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    """Each file is valid for the Envoy we run, and uses nothing deprecated."""
    status, log = asyncio.run(verdict(config(name), directory=tmp_path))

    assert status == 0, log
    assert "[warning]" not in log


def test_a_deprecated_field_is_noticed(
    config: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    """Envoy warns about a deprecated field, so the test above can fail."""
    document = config("command-api")
    old = {"name": "old", "type": "STRICT_DNS", "dns_refresh_rate": "5s"}
    document["static_resources"]["clusters"].append(old)

    status, log = asyncio.run(verdict(document, directory=tmp_path))

    assert status == 0, log
    assert "deprecated" in log.lower()
