"""The pages say what is there: commands that exist, files that are linked, stacks as they are."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.deploy.__main__ import Command, main
from infra.deploy.templates import Template

ROOT = Path(__file__).parents[2]
PAGES = (
    "docs/operating/new-account.md",
    "docs/operating/upgrade.md",
    "docs/operating/costs.md",
    "infra/README.md",
    *(str(path.relative_to(ROOT)) for path in (ROOT / "docs/decisions").glob("002[4-9]*.md")),
)


def commands(page: str) -> Iterator[str]:
    """Every `make …` of a page, whole or with what a reader puts in."""
    for line in re.findall(r"(?:^|`)(make [a-z][^`\n#]*)", (ROOT / page).read_text(), re.MULTILINE):
        yield line.strip()


def made_of(command: str) -> list[str]:
    """What make would run."""
    target, *given = shlex.split(command)[1:]
    if not any(each.startswith("OVERLAY=") for each in given):
        given.append("OVERLAY=staging")
    done = subprocess.run(
        ["make", "--dry-run", target, *given],  # noqa: S607 — the one of the PATH, as a reader's
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return shlex.split(done.stdout.strip().splitlines()[-1])


@pytest.mark.parametrize("page", PAGES)
def test_what_is_linked_is_there(page: str) -> None:
    """Each file, and each heading of it that is named."""
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", (ROOT / page).read_text())
    for path, heading in links:
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), path
        if heading:
            titles = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            assert heading in {title.lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES[:3])
def test_what_a_reader_is_told_to_run_can_be_run(
    page: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command is a target of make; ours then takes the words that it is given.

    No account is asked: the example's is refused before.
    """
    monkeypatch.chdir(ROOT)
    for command in sorted(set(commands(page))):
        words = made_of(command)
        if "infra.deploy" in words:
            assert main(words[words.index("infra.deploy") + 1 :]) == 1, command
            said = capsys.readouterr().err
            assert "is still the example" in said or "kubectl" in said, command


def test_the_table_of_stacks_is_what_they_take(templates: dict[str, Template]) -> None:
    """Each stack with all that it imports from."""
    rows = re.findall(
        r"^\| `([a-z-]+)` \| [^|]+ \|([^|]*)\|$",
        (ROOT / "infra/README.md").read_text(),
        re.MULTILINE,
    )
    said = {name: set(filter(None, takes.strip().split(", "))) for name, takes in rows}

    assert said == {name: {stack for stack, _ in each.imports} for name, each in templates.items()}


def test_help_says_what_each_verb_does(capsys: pytest.CaptureFixture[str]) -> None:
    """Five verbs, each with its sentence."""
    with pytest.raises(SystemExit):
        main(["--help"])

    said = " ".join(capsys.readouterr().out.split())
    for sentence in (
        "What would be added",
        "Make it so",
        "Write parameters.env",
        "Is the cluster ready",
        "Delete every stack",
    ):
        assert sentence in said


@pytest.mark.parametrize(
    "words", [["plan"], ["plan", "kind"], ["check", "staging"], ["check", "staging", "tea"]]
)
def test_what_is_not_understood_is_refused(words: list[str]) -> None:
    """With the usage; nothing is asked of AWS."""
    with pytest.raises(SystemExit, match="2"):
        main(words)


def test_an_interrupted_run_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C stops the watching; CloudFormation goes on."""

    def interrupted(_: Command) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Command, "apply", interrupted)

    assert main(["apply", "staging"]) == 130
    assert "the same command again watches that" in capsys.readouterr().err
