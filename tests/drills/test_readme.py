from pathlib import Path
from typing import get_args

import drills
from drills.answers import KINDS
from drills.measures import MEASURES
from drills.steps import Step

README = (Path(drills.__file__).parent / "README.md").read_text(encoding="utf-8")


def test_every_step_is_told() -> None:
    """Who writes a drill sees what can happen."""
    tags = [step.__struct_config__.tag for step in get_args(Step)]

    assert [tag for tag in tags if f"`{tag}`" not in README] == []


def test_every_measure_is_told() -> None:
    """And what can be measured; those of a kind of request by one example."""
    names = [name for name in MEASURES if not any(kind in name for kind in KINDS)]

    assert [name for name in names if f"`{name}`" not in README] == []
