import os
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest
import yaml
from deployment.rendered import ROOT, containers, of_kind

from bukken_database.roles import MASTER
from k8s.node_budget.quantities import amount

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase

# Told by itself at its end: who started it is counted in what the system tells of a child.
PROGRAM = """
import sys
from pathlib import Path
from bukken_database import jobs
assert jobs.main(sys.argv[1:]) == 0
print(Path("/proc/self/status").read_text())
"""
ROLES = {"bootstrap": MASTER, "migrate": "bukken_migrator"}


def limit_of(job: str) -> int:
    """How many MiB it may take."""
    documents = of_kind(yaml.safe_load_all((ROOT / "k8s/base/schema.yaml").read_text()), "Job")
    (found,) = (each for each in documents if each["metadata"]["name"] == f"{job}-release")
    (app,) = containers(found)
    return amount(app["resources"]["limits"]).memory


def taken_by(job: str, *, environment: Mapping[str, str]) -> float:
    """What it takes at most, in MiB, on its way to a good end."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, job],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    assert found, done.stderr
    return int(found[1]) / 1024


@pytest.mark.parametrize("job", ROLES)
def test_a_job_takes_at_most_half_of_its_memory(
    job: str, empty_database: "MigratedDatabase"
) -> None:
    """However large the database: it is the server that works, the job only tells it what to do."""
    passwords = {
        f"BUKKEN_{role.removeprefix('bukken_').upper()}_PASSWORD": password
        for role, password in empty_database.passwords.items()
    }
    environment = empty_database.environment(ROLES[job]) | passwords

    assert taken_by(job, environment=environment) <= limit_of(job) / 2
