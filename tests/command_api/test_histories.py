"""Versions and the source guard under any history, and under commands that meet."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import httpx
from guard_model import Command, Outcome, State, applied
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from properties import examples
from running_command_api import Service, path_of

from bukken_contract.etags import etag

BATCHES: Final = "/v1/batches/listings"
NAMES: Final = ("a", "b")
_NUMBERS: Final = itertools.count()
WHOLE: Final = {"StandardStatus": "Active", "PropertyType": "Land"}


class Request(NamedTuple):
    """One message, or the lines of a batch: each with the listing it is about."""

    parts: tuple[tuple[str, Command], ...]
    is_batch: bool


def pairs(members: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """What can be compared and kept."""
    return tuple(sorted(members.items()))


CONTENTS: Final = [pairs(WHOLE | more) for more in ({}, {"City": "港区"}, {"City": "新宿区"})]
PATCHES: Final = [
    pairs(patch)
    for patch in ({"City": "港区"}, {"City": None}, {"StandardStatus": None}, {"Zoning": "x"})
]
SOURCES: Final = st.sampled_from([None, None, 1, 2, 3, 4])
MATCHES: Final = st.sampled_from([None, None, None, "*", 1, 2, 3])
PUTS: Final = st.builds(
    Command,
    st.just("PUT"),
    st.sampled_from(CONTENTS),
    number=SOURCES,
    if_match=MATCHES,
    must_be_absent=st.sampled_from([False, False, True]),
)
PATCHED: Final = st.builds(
    Command,
    st.just("PATCH"),
    st.sampled_from(PATCHES),
    number=SOURCES,
    base=st.sampled_from([None, 1, 2]),
    if_match=MATCHES,
).filter(lambda c: c.base is None or c.number is None or c.base < c.number)
DELETES: Final = st.builds(Command, st.just("DELETE"), number=SOURCES, if_match=MATCHES)
LINES: Final = st.builds(Command, st.just("PUT"), st.sampled_from(CONTENTS), number=SOURCES)
NAME: Final = st.sampled_from(NAMES)
SINGLE: Final = st.tuples(NAME, st.one_of(PUTS, PATCHED, DELETES)).map(
    lambda p: Request((p,), False)
)
BATCH: Final = st.lists(st.tuples(NAME, LINES), min_size=1, max_size=4).map(
    lambda parts: Request(tuple(parts), True)
)


def headers_of(command: Command) -> dict[str, str]:
    """What of a command stands in its headers."""
    match = command.if_match
    given = {
        "Source-Version": command.number,
        "Source-Base-Version": command.base,
        "If-Match": etag(match) if isinstance(match, int) else match,
        "If-None-Match": "*" if command.must_be_absent else None,
    }
    return {name: str(value) for name, value in given.items() if value is not None}


class Histories(RuleBasedStateMachine):
    """The service and the model are told the same."""

    service: Service

    def __init__(self) -> None:
        super().__init__()
        self._prefix = f"history-{next(_NUMBERS)}-"
        # All that it may be: of two messages that met, the row does not show which is remembered.
        self._states: dict[str, set[State | None]] = {name: {None} for name in NAMES}

    @rule(request=st.one_of(SINGLE, SINGLE, BATCH))
    def one(self, request: Request) -> None:
        """A request that has the listings to itself."""
        self._check(self._sent(request))

    @rule(requests=st.lists(st.one_of(SINGLE, BATCH), min_size=2, max_size=3))
    def together(self, requests: list[Request]) -> None:
        """Some at once: for each listing, it is as if they had come one after the other."""
        self._check(self._sent(*requests))

    def _sent(self, *requests: Request) -> dict[str, list[list[tuple[Command, Outcome]]]]:
        """For each listing, what each request asked of it, in its order, and what it was told."""
        answers = self.service.together(*map(self._http, requests))
        seen: dict[str, list[list[tuple[Command, Outcome]]]] = {name: [] for name in NAMES}
        for request, answer in zip(requests, answers, strict=True):
            outcomes = outcomes_of(answer, request=request)
            told = [(*part, outcome) for part, outcome in zip(request.parts, outcomes, strict=True)]
            for name in NAMES:
                mine = [(command, outcome) for n, command, outcome in told if n == name]
                seen[name] += [mine] if mine else []
        return seen

    def _http(self, request: Request) -> httpx.Request:
        if request.is_batch:
            lines = "\n".join(json.dumps(self._line(*part)) for part in request.parts)
            headers = {"Content-Type": "application/x-ndjson"}
            return httpx.Request("POST", f"http://x{BATCHES}", content=lines, headers=headers)
        ((name, command),) = request.parts
        headers = headers_of(command) | {"Content-Type": "application/json"}
        body = None if command.kind == "DELETE" else json.dumps(dict(command.content))
        url = f"http://x{path_of(self._prefix + name)}"
        return httpx.Request(command.kind, url, content=body, headers=headers)

    def _line(self, name: str, command: Command) -> dict[str, Any]:
        number = {} if command.number is None else {"SourceVersion": command.number}
        return dict(command.content) | {"ListingKey": self._prefix + name} | number

    def _check(self, seen: Mapping[str, Sequence[Sequence[tuple[Command, Outcome]]]]) -> None:
        for name, asked in seen.items():
            ends = {
                after
                for state, order in itertools.product(self._states[name], interleavings(asked))
                if (after := explained(state, order)) is not _UNEXPLAINED
            }
            row = self._stored(name)
            agreeing = {end for end in ends if summary(end) == row}
            assert agreeing, (name, self._states[name], asked, row)
            self._states[name] = agreeing

    def _stored(self, name: str) -> object:
        row = self.service.row(self._prefix + name)
        if row is None:
            return None
        content = {
            "StandardStatus": row["standard_status"],
            "PropertyType": row["property_type"],
            "City": row["city"],
            "Zoning": row["zoning"],
        }
        there = frozenset((n, v) for n, v in content.items() if v is not None)
        return row["version"], None if row["removed_at"] else there, row["source_version"]


_UNEXPLAINED: Final = State(0, None, None, "no order of the commands explains the answers")


def summary(state: State | None) -> object:
    """What of a state can be seen in its row."""
    return None if state is None else (state.version, state.content, state.number)


def interleavings(
    asked: Sequence[Sequence[tuple[Command, Outcome]]],
) -> Iterator[list[tuple[Command, Outcome]]]:
    """Every order of all commands in which each request's own keep theirs."""
    if not any(asked):
        yield []
    for place, (*mine,) in enumerate(asked):
        if mine:
            left = [*asked[:place], mine[1:], *asked[place + 1 :]]
            yield from ([mine[0], *rest] for rest in interleavings(left))


def explained(state: State | None, order: Sequence[tuple[Command, Outcome]]) -> State | None:
    """The state after these commands, if each would have been told what it was told."""
    for command, outcome in order:
        state, expected = applied(state, command)
        if expected != outcome:
            return _UNEXPLAINED
    return state


_WORDS: Final = {"late": 409, "conflict": 409}


def outcomes_of(answer: httpx.Response, *, request: Request) -> list[Outcome]:
    """What was told of each part of the request."""
    if not request.is_batch:
        body = answer.json() if answer.status_code in {200, 201} else {}
        return [Outcome(answer.status_code, body.get("Version"), body.get("Result"))]
    assert answer.status_code == 200, answer.text
    return [of_line(json.loads(line)) for line in answer.text.splitlines()]


def of_line(line: Mapping[str, Any]) -> Outcome:
    """The same of a batch's line: `created` is a single command's 201."""
    word = line["Result"]
    if word in _WORDS:
        return Outcome(_WORDS[word])
    return Outcome(201 if word == "created" else 200, line["Version"], word)


def test_any_history_goes_as_the_contract_says(service: Service) -> None:
    """PUT, PATCH, DELETE and batches, numbered or not, conditional or not, alone or at once."""

    class OnThisService(Histories):
        pass

    OnThisService.service = service

    run_state_machine_as_test(OnThisService, settings=examples(40, steps=12))
