"""Some of the drills, as `make drills` plays them: each brings the platform up, and breaks it."""

import asyncio

import pytest

from drills.drill import Drill, all_drills, read_drill
from drills.perform import perform

SECONDS = 400
HERE = {name: drill for name, file in all_drills() if (drill := read_drill(file)).in_make_test}


@pytest.mark.alone
@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize(("name", "drill"), HERE.items(), ids=HERE)
def test_nobody_is_hurt_with_the_lines_and_somebody_without(name: str, drill: Drill) -> None:
    """With all lines within the drill's bounds; without each, beyond them by a clear margin."""
    said: list[str] = []
    record = asyncio.run(perform(name, drill, say=said.append))

    wrong = {run.called: (run.verdicts, run.statuses) for run in record.runs if not run.holds}
    assert wrong == {}, said
