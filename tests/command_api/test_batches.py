"""`POST /v1/batches/listings`: many listings in one request, each with its own result."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from running_command_api import Members, Service, locked

from bukken_contract.problems import DatabaseUnavailable
from command_api import batch_lines, batches
from command_api.bodies import BATCH_BYTES, LISTING_BYTES, NDJSON
from command_api.settings import Settings

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase

    from command_api.work import Work

AT_ONCE = Settings.model_fields["batches"].default
BATCHES = "/v1/batches/listings"
CheckProblem = Callable[..., Members]


def sent(service: Service, *lines: object) -> httpx.Response:
    """The answer to a batch of these lines; a string is sent as it is."""
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    body = "\n".join(texts).encode()
    return service.send("POST", BATCHES, content=body, headers={"Content-Type": NDJSON})


def results(answer: httpx.Response) -> list[Members]:
    """Its lines."""
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def words(answer: httpx.Response) -> list[str]:
    """What became of each line."""
    return [result["Result"] for result in results(answer)]


def test_each_line_has_a_result_in_its_order(service: Service, key: str, members: Members) -> None:
    """Created, changed, unchanged, late, conflict, invalid: by the line's number and its key."""
    for name in ("changed", "same", "late", "conflict"):
        service.put(f"{key}-{name}", members, Source_Version="7")
    other = members | {"City": "港区"}

    answer = sent(
        service,
        members | {"ListingKey": f"{key}-new"},
        other | {"ListingKey": f"{key}-changed", "SourceVersion": 8},
        members | {"ListingKey": f"{key}-same", "SourceVersion": 7},
        other | {"ListingKey": f"{key}-late", "SourceVersion": 6},
        other | {"ListingKey": f"{key}-conflict", "SourceVersion": 7},
        members | {"ListingKey": f"{key}-bad", "ListPrice": "cheap"},
    )

    expected = ["created", "changed", "unchanged", "late", "conflict", "invalid"]
    assert words(answer) == expected
    assert answer.headers["Content-Type"] == NDJSON
    found = [(r["Line"], r["ListingKey"].rpartition("-")[2]) for r in results(answer)]
    assert found == list(enumerate(("new", "changed", "same", "late", "conflict", "bad"), start=1))


def test_a_result_says_the_version_or_the_problem(
    service: Service, key: str, members: Members
) -> None:
    """What was done names the version; what was not, a problem as a single command gets it."""
    good, bad = results(
        sent(
            service,
            members | {"ListingKey": key},
            members | {"ListingKey": f"{key}-bad", "ListPrice": "cheap"},
        )
    )

    assert good["Version"] == 1
    assert (bad["Problem"]["status"], bad["Problem"]["type"]) == (422, "urn:bukken:problem:invalid")
    assert bad["Problem"]["errors"] == [{"field": "ListPrice", "detail": "must be a number"}]


@pytest.mark.parametrize("result", ["created", "changed", "brought back", "remembered"])
def test_a_batch_writes_what_a_put_writes(
    result: str, service: Service, key: str, members: Members
) -> None:
    """The same row to the last column, but for key and times, which are there or not alike."""
    full = members | {
        "SubdivisionName": '"\\{,}',
        "LivingArea": 65.5,
        "LivingAreaUnits": "SquareMeters",
    }
    pair = (f"{key}-a", f"{key}-b")
    for each in pair:
        if result != "created":
            service.put(each, members if result != "remembered" else full, Source_Version="1")
        if result == "brought back":
            service.delete(each, Source_Version="2")

    service.put(pair[0], full, Source_Version="3")
    sent(service, full | {"ListingKey": pair[1], "SourceVersion": 3})

    put, batched = (without_moments(service.row(each)) for each in pair)
    assert put == batched


def without_moments(row: Any) -> Members:  # noqa: ANN401 — a row is of any columns
    """The row, of its times only whether each is there, and is the last change's."""
    last = row["modification_timestamp"]
    times = {n: v and (v == last) for n, v in row.items() if n.endswith(("_timestamp", "_at"))}
    return dict(row) | times | {"listing_key": None}


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("", 400),
        ("{", 400),
        ("[1]", 422),
        ("\ufeff{}", 400),
        ('{"ListingKey": "a", "ListingKey": "b"}', 400),
        ("{}", 422),
        ('{"ListingKey": 7}', 422),
        ('{"ListingKey": "a/b"}', 422),
        (r'{"ListingKey": "\ud800"}', 422),
        (r'{"ListingKey": "\u0000"}', 422),
        ('{"ListingKey": "a"}', 422),
        ('{"ListingKey": "a", "SourceVersion": "7"}', 422),
        ('{"ListingKey": "a", "SourceVersion": true}', 422),
        ('{"ListingKey": "a", "SourceVersion": -1}', 422),
        ('{"ListingKey": "a", "SourceVersion": 9223372036854775808}', 422),
        ('{"a": ' + '"' + "x" * LISTING_BYTES + '"}', 413),
        ("[" * 5000, 400),
    ],
)
def test_a_bad_line_harms_no_other(
    line: str, status: int, service: Service, key: str, members: Members
) -> None:
    """Whatever stands on a line, those before and after it are taken in."""
    answer = sent(
        service, members | {"ListingKey": f"{key}-1"}, line, members | {"ListingKey": f"{key}-2"}
    )

    assert words(answer) == ["created", "invalid", "created"]
    assert results(answer)[1]["Problem"]["status"] == status


def test_a_key_that_comes_again_is_done_in_its_order(
    service: Service, key: str, members: Members
) -> None:
    """Lines of one listing are messages that come one after the other."""
    cities = ["港区", "中央区", "港区", "港区"]

    answer = sent(service, *(members | {"ListingKey": key, "City": city} for city in cities))

    assert words(answer) == ["created", "changed", "changed", "unchanged"]
    assert [result["Version"] for result in results(answer)] == [1, 2, 3, 3]


def test_all_of_it_again_is_harmless(service: Service, key: str, members: Members) -> None:
    """Who lost the answer sends the batch again and finds it done, over many chunks."""
    lines = [
        members | {"ListingKey": f"{key}-{number}", "SourceVersion": 1}
        for number in range(2 * batch_lines.CHUNK_LINES + 1)
    ]

    first, again = words(sent(service, *lines)), words(sent(service, *lines))

    assert (set(first), set(again)) == ({"created"}, {"unchanged"})
    assert len(first) == len(again) == len(lines)


def test_a_batch_of_too_many_lines_is_refused_whole(
    service: Service, key: str, members: Members, check_problem: CheckProblem
) -> None:
    """5,000 lines are taken, by their number; of 5,001 none is done."""
    more = [members | {"ListingKey": key}, *["{}"] * batch_lines.MOST_LINES]

    refused, taken = sent(service, *more), sent(service, *more[1:])

    problem = check_problem(refused, status=413, code="body-too-large")
    assert problem["detail"] == "a batch has at most 5000 lines; this one has 5001"
    assert service.row(key) is None
    assert len(results(taken)) == batch_lines.MOST_LINES


def test_a_last_line_may_end(service: Service) -> None:
    """A line feed after the last line begins no further one."""
    assert len(results(sent(service, "{}\n"))) == 1


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", NDJSON, 400),
        (b" " * (BATCH_BYTES + 1), NDJSON, 413),
        (b"{}", "application/json", 415),
        (b"{}", f"{NDJSON}; charset=shift_jis", 415),
    ],
    ids=["empty", "too large", "JSON", "another charset"],
)
def test_a_body_that_is_no_batch_is_refused(
    body: bytes, kind: str, status: int, service: Service, check_problem: CheckProblem
) -> None:
    """Nothing, more than 10 MiB, or another type than NDJSON in UTF-8."""
    answer = service.send("POST", BATCHES, content=body, headers={"Content-Type": kind})

    check_problem(answer, status=status)


def test_a_batch_takes_no_query_string(service: Service, check_problem: CheckProblem) -> None:
    """A parameter nobody knows would be obeyed by nobody."""
    answer = service.send("POST", f"{BATCHES}?x=1", headers={"Content-Type": NDJSON})

    check_problem(answer, status=400)


def test_one_line_s_problem_is_no_longer_than_needed(service: Service) -> None:
    """Of a line's faults ten are told: all those of 5,000 lines would be 40 MB."""
    line = {"ListingKey": "a"} | {f"x{number}": 1 for number in range(50)}

    (result,) = results(sent(service, line))

    assert len(result["Problem"]["errors"]) == 10


def test_what_does_not_fit_the_time_is_to_be_sent_again(
    service: Service, key: str, members: Members, database: "MigratedDatabase"
) -> None:
    """The deadline ends the batch: what was committed is told, the rest is not-done."""
    first, held, last = (members | {"ListingKey": f"{key}-{name}"} for name in ("1", "2", "3"))
    service.put(f"{key}-2", members)
    work: Work = service.app.state.work
    body = bytearray("\n".join(map(json.dumps, (first, first, held, last))).encode())

    with locked(database, key=f"{key}-2"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "seconds", 1.5)
        answer = service.run(batches.results_of(body, work=work))[0].decode()

    told = [json.loads(line) for line in answer.splitlines()]
    assert [one["Result"] for one in told] == ["created", "not-done", "not-done", "not-done"]
    assert told[3]["Problem"]["type"] == "urn:bukken:problem:deadline-exceeded"
    assert words(sent(service, first, first, held, last)) == [*["unchanged"] * 3, "created"]


def test_when_nothing_was_done_the_batch_is_refused(
    service: Service, key: str, members: Members, database: "MigratedDatabase"
) -> None:
    """503 with Retry-After, as for any command, when the first chunk meets no database."""
    service.put(key, members)
    body = bytearray(json.dumps(members | {"ListingKey": key}).encode())

    with locked(database, key=key), pytest.raises(DatabaseUnavailable):
        service.run(batches.results_of(body, work=service.app.state.work))


def test_no_more_batches_at_once_than_memory_bears(
    service: Service, check_problem: CheckProblem
) -> None:
    """When all places are taken the next is 503 at once, and a place that is free is used again."""
    places: batches.Places = service.app.state.places
    with ExitStack() as taken:
        for _ in range(AT_ONCE):
            taken.enter_context(places.one())
        busy = sent(service, "{}")
    free = [sent(service, "{}").status_code for _ in range(AT_ONCE + 1)]

    assert (check_problem(busy, status=503)["status"], free) == (503, [200] * (AT_ONCE + 1))


def test_two_batches_of_the_same_keys_end_each(
    service: Service, key: str, members: Members
) -> None:
    """Whatever the order of their lines: chunks lock in the order of the keys."""
    lines = [members | {"ListingKey": f"{key}-{number}"} for number in range(80)]
    bodies = ["\n".join(map(json.dumps, order)) for order in (lines, lines[::-1])]
    requests = [
        httpx.Request(
            "POST", f"http://command-api{BATCHES}", content=body, headers={"Content-Type": NDJSON}
        )
        for body in bodies * 2
    ]

    told = [words(answer) for answer in service.together(*requests)]

    assert sorted(word for each in told for word in each) == ["created"] * 80 + ["unchanged"] * 240


def test_the_other_methods_are_405(service: Service, check_problem: CheckProblem) -> None:
    """One path, one method, on one side."""
    answer = service.send("PUT", BATCHES)

    check_problem(answer, status=405)
    assert answer.headers["Allow"] == "POST"
