import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXPLAINED = ("envoy", "infra", "k8s", "local/place", "compose")


def test_every_test_that_a_comment_names_exists() -> None:
    """A number's comment says which test holds it; a test that is gone holds nothing."""
    tests = list((ROOT / "tests").rglob("test_*.py"))
    there = {path.name for path in tests}
    there |= {name for path in tests for name in re.findall(r"def (test_\w+)", path.read_text())}
    files = [file for folder in EXPLAINED for file in (ROOT / folder).rglob("*.yaml")]
    files.append(ROOT / "docker-compose.yml")
    named = {name for file in files for name in re.findall(r"test_\w+(?:\.py)?", file.read_text())}

    assert "test_timing_budget.py" in named
    assert named - there == set()
