"""The sample that ships with the project is what its SOURCE.md says."""

import csv
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path

SAMPLE = files("bukken_local.legacy") / "sample"
EVERY = 28
COLUMNS = (
    "種類",
    "市区町村名",
    "最寄駅：距離（分）",
    "間取り",
    "間口",
    "面積（㎡）",
    "延床面積（㎡）",
    "建築年",
    "取引の事情等",
    "建物の構造",
    "前面道路：種類",
    "土地の形状",
    "都市計画",
)


def excerpt(lines: Sequence[str]) -> list[str]:
    """The rule of SOURCE.md, applied to the lines of the whole file."""
    rows = list(csv.DictReader(lines))
    taken = set(range(0, len(rows), EVERY))
    seen = {value for number in taken for value in telling(rows[number])}
    for number, row in enumerate(rows):
        if not telling(row) <= seen:
            taken.add(number)
            seen |= telling(row)
    return [lines[0], *(lines[number + 1] for number in sorted(taken))]


def telling(row: dict[str, str]) -> set[tuple[str, str]]:
    """The values of the rule's columns that are no plain numbers."""
    return {(name, row[name]) for name in COLUMNS if not row[name].replace(".", "").isdecimal()}


def lines_of(text: bytes) -> list[str]:
    """The lines with their ends."""
    return text.decode("utf-8").splitlines(keepends=True)


def test_sample_is_the_excerpt_its_source_describes(real_file: Callable[[str], Path]) -> None:
    """The sample's rows are the Ministry's, byte for byte, and chosen by the rule it cites."""
    expected = excerpt(lines_of(real_file("mlit_tokyo_2021.csv").read_bytes()))

    assert lines_of((SAMPLE / "tokyo_2021_excerpt.csv").read_bytes()) == expected


def test_sample_is_small() -> None:
    """The sample has the number of rows its SOURCE.md says, and at most 500."""
    rows = len(lines_of((SAMPLE / "tokyo_2021_excerpt.csv").read_bytes())) - 1

    assert rows <= 500
    assert f"holds {rows} of the" in (SAMPLE / "SOURCE.md").read_text(encoding="utf-8")
